"""Training of the learned methods on simulated X-rays of one CT or many; needs no ROS."""
