"""`surgical-perception doctor`: machine, ROS, DDS and what runs, and what to do about them."""
