"""A node's executable in a process of its own, and a peer in this one."""

import signal
import subprocess
import sys
import time

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from surgical_perception.runtime.environment import node_environment

START_TIMEOUT_S = 120.0  # the first start compiles the kernels
END_TIMEOUT_S = 30.0  # of seconds on a busy machine; what is computed would last minutes


class NodeProcess:
    """Runs `python -m module` with ROS parameters (`name:=value`); its output goes to `log`."""

    def __init__(self, module, make_peer, log, *parameters):
        self._log = open(log, 'w+')  # noqa: SIM115 - closed in `close`
        arguments = [word for name_value in parameters for word in ('-p', name_value)]
        self.process = subprocess.Popen(
            [sys.executable, '-m', module, '--ros-args', *arguments],
            env=node_environment(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._context = Context()
        rclpy.init(context=self._context)
        self.peer = make_peer(self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.peer)

    def wait(self, condition, timeout_s=START_TIMEOUT_S):
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            self._executor.spin_once(timeout_sec=0.02)

    def shoot_until(self, condition, shoot):
        """
        Call `shoot()` again and again until `condition()` holds.

        A best-effort publisher may know its subscriber before that one knows it, and what it sends
        in between is lost: no count of matched endpoints on this side can tell.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, self.output()
            shoot()
            again = time.monotonic() + 2.0
            self.wait(lambda again=again: condition() or time.monotonic() > again)

    def output(self):
        self._log.seek(0)
        return self._log.read()

    def interrupt(self):
        """Send Ctrl-C; return the exit code, or raise TimeoutExpired where it does not end."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(END_TIMEOUT_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._executor.remove_node(self.peer)
        self.peer.destroy_node()
        self._executor.shutdown()
        rclpy.try_shutdown(context=self._context)
        self._log.close()
