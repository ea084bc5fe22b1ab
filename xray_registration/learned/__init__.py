"""What the learned methods are made of: manifolds, networks, geodesics; needs no ROS."""
