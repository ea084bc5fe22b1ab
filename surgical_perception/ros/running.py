"""The main function of every node."""

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from surgical_perception.ros.entry import Stopped, stopping
from surgical_perception.runtime.shared_memory import remove_orphans


def run(make_node, args=None):
    """
    Run one node until Ctrl-C, SIGTERM or a shutdown, and end cleanly: the exit code is 0.

    One single-threaded executor: rclpy's multi-threaded one loses messages and adds latency.
    """
    node = None
    try:
        remove_orphans()
        rclpy.init(args=args)
        node = make_node()
        _spin(node)
    except (KeyboardInterrupt, Stopped, ExternalShutdownException):
        pass
    except Exception:  # as in entry.py: a signal in another dress
        if not stopping():
            raise
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def _spin(node):
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except Exception:
        # A signal ends the context at any moment, also between two calls of the executor.
        if node.context.ok():
            raise
