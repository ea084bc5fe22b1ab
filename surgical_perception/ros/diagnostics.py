"""What a node says about itself on /diagnostics."""

import resource
import sys
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType

PERIOD_S = 1.0

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)


class Report(NamedTuple):
    """State of one part: level, one sentence, and values by name."""

    level: bytes
    message: str
    values: dict = {}  # noqa: RUF012 - never changed


def status_message(name, report, hardware_id=''):
    """Return a Report as diagnostic_msgs/DiagnosticStatus."""
    return DiagnosticStatus(
        level=report.level,
        name=name,
        message=report.message,
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=_text(value)) for key, value in report.values.items()],
    )


def _text(value):
    return f'{value:.6g}' if isinstance(value, float) else str(value)


class Diagnostics:
    """
    Publishes {part: function that returns a Report} once a second, named `<node>: <part>`.

    The stamps are of the node's clock; the period is of the steady clock, so that a paused or
    absent /clock does not silence it (diagnostic_updater's Python version mixes the two).
    """

    def __init__(self, node, parts):
        self._node = node
        self._parts = parts
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD_S, self.publish, clock=steady)

    def publish(self):
        """Publish the state of every part now."""
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        name = self._node.get_name()
        message.status = [
            status_message(f'{name}: {part}', report()) for part, report in self._parts.items()
        ]
        self._publisher.publish(message)


def memory_report():
    """Report the memory of this process, and of its GPU where torch uses one."""
    with open('/proc/self/statm', encoding='ascii') as file:
        pages = int(file.read().split()[1])
    values = {'resident_mb': pages * resource.getpagesize() / 1e6}
    gpu = _gpu_mb()
    if gpu is not None:
        values['gpu_mb'] = gpu
    return Report(OK, f'{values["resident_mb"]:.0f} MB', values)


def _gpu_mb():
    """Return the GPU memory that torch holds; None where torch is not loaded or has no GPU."""
    torch = sys.modules.get('torch')
    if torch is None or not torch.cuda.is_initialized():
        return None
    return torch.cuda.memory_allocated() / 1e6
