"""`surgical-perception replay`: the replay node in this process, held by keys."""

import functools

from rclpy.parameter import Parameter

from surgical_perception.bags import BagReader
from surgical_perception.ros import bag_nodes
from surgical_perception.ros.keyboard import Keyboard
from surgical_perception.ros.replay import IMAGES, KEYS, ReplayNode


def run(bag, rate, loop, paused, topics, wait_for, wait_s):
    """
    Play a bag and return whether a signal ended it; the arguments are those of ReplayParameters.

    Without `wait_for` it waits for subscribers of the images, or of everything where there are
    none.  Raises InputError.
    """
    values = {'bag': str(bag), 'rate': rate, 'loop': loop, 'paused': paused, 'wait_s': wait_s}
    # rclpy knows no type for an empty list.
    lists = {'topics': topics, 'wait_for': wait_for or _with_images(bag, topics)}
    values |= {name: names for name, names in lists.items() if names}
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    with Keyboard() as keyboard:
        make = functools.partial(
            ReplayNode, keyboard.pressed, KEYS * keyboard.there, parameter_overrides=overrides
        )
        return bag_nodes.run_to_end(make)


def _with_images(path, topics):
    with BagReader(path) as bag:
        return [
            topic.name
            for topic in bag.topics.values()
            if topic.type in IMAGES and topic.count and (not topics or topic.name in topics)
        ]
