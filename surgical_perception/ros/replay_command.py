"""`surgical-perception replay`: the replay node in this process, held by keys."""

import functools

from rclpy.parameter import Parameter

from surgical_perception.ros import bag_nodes
from surgical_perception.ros.keyboard import Keyboard
from surgical_perception.ros.replay import KEYS, ReplayNode


def run(values):
    """Play a bag and return whether a signal ended it; `values` are those of ReplayParameters."""
    # rclpy knows no type for an empty list.
    overrides = [Parameter(name, value=value) for name, value in values.items() if value != []]
    with Keyboard() as keyboard:
        make = functools.partial(
            ReplayNode, keyboard.pressed, KEYS * keyboard.there, parameter_overrides=overrides
        )
        return bag_nodes.run_to_end(make)
