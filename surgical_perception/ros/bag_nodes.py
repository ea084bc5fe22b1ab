"""What the replay and the record node share: message types, parameters, a clean end."""

import importlib
import signal
import threading

import rclpy
from rclpy.logging import get_logger
from rclpy.signals import SignalHandlerOptions

from surgical_perception.errors import InputError
from surgical_perception.ros.parameters import NodeParameters
from surgical_perception.runtime.shared_memory import remove_orphans

BAD_INPUT = 2
CLOCK_TOPIC = '/clock'


def message_type(name):
    """Return the rclpy class of a type such as 'sensor_msgs/msg/Image'; raises InputError."""
    package, _, message = name.rpartition('/')
    try:
        return getattr(importlib.import_module(package.replace('/', '.')), message)
    except (ImportError, AttributeError, ValueError):
        raise InputError(f'message type {name} is not installed') from None


def is_installed(name):
    """Tell whether the message type of that name can be had."""
    try:
        message_type(name)
    except InputError:
        return False
    return True


def read_parameters(node, cls):
    """Declare the parameters of a dataclass on a node and return them; raises InputError."""
    return NodeParameters(node, cls, may_change=lambda: False, on_change=lambda _: None).build()


def run(node_class, args=None):
    """
    Run a node that ends by itself and return the exit code.

    0 at the end of the work and when stopped; 2, with one sentence, for bad input.
    """
    try:
        run_to_end(node_class, args)
    except InputError as error:
        get_logger(node_class.NAME).fatal(str(error))
        return BAD_INPUT
    return 0


def run_to_end(make_node, args=None):
    """
    Make a node, call its `run(stopped)`, and return whether SIGINT or SIGTERM ended it.

    `stopped` is an event that those signals set: a bag must not be left half written, so nothing
    is raised in the middle of a write.  Raises InputError.
    """
    remove_orphans()
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    stopped = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stopped.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    node = None
    try:
        node = make_node()
        node.run(stopped)
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
        for number, handler in before.items():
            signal.signal(number, handler)
    return stopped.is_set()
