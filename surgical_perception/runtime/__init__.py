"""Running without a ROS install: set-up, tf2_msgs, the Fast DDS profile and the launch runner."""
