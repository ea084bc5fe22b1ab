"""The demo: a synthetic stereo endoscope on a robot, replayed into the real node."""
