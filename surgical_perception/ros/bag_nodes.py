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
    package, kind, message = name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.{kind}'), message)
    except (ImportError, AttributeError):
        raise InputError(f'message type {name} is not installed') from None


def read_parameters(node, cls):
    """Declare the parameters of a dataclass on a node and return them; raises InputError."""
    return NodeParameters(node, cls, may_change=lambda: False, on_change=lambda _: None).build()


def run(node_class, args=None):
    """
    Run a node that ends by itself: make it, call its `run(stopped)`, return the exit code.

    `stopped` is an event that SIGINT and SIGTERM set: a bag must not be left half written, so
    nothing is raised in the middle of a write.  0 at the end of the work and when stopped; 2,
    with one sentence, for bad input.
    """
    remove_orphans()
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    node, code = None, 0
    try:
        node = node_class()
        node.run(stopped)
    except InputError as error:
        get_logger(node_class.NAME).fatal(str(error))
        code = BAD_INPUT
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return code
