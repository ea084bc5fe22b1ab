"""
Set up .venv in the checkout: Python packages, ROS wheels, tf2_msgs and links.

    python3 -m surgical_perception.runtime.set_up [--with test]

It uses the standard library alone.  Each step is done once: a stamp in .venv says from which
inputs.  Run again it takes a fraction of a second, does what has changed, and repairs what was
interrupted.
"""
