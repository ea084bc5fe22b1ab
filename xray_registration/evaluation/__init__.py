"""
Evaluation of a recorded C-arm: bag -> shots -> the node's session -> outcomes -> rows -> page.

The demo takes the outcomes from what the real node published, `evaluate` from the same session
without DDS; everything behind the outcomes is the same.
"""
