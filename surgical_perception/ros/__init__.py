"""What every node of the package needs from ROS, each idea in its own module."""
