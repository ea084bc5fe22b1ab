"""
The part of ROS 2's XML launch language that this project uses, run without a ROS install.

Semantics follow ros2/launch and ros2/launch_ros of Jazzy; whatever they know and this does not is
refused by name.
"""
