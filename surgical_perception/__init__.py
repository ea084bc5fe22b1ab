"""What both halves of the package share: geometry, messages, ROS runtime, evaluation."""

__version__ = '0.1.0'
