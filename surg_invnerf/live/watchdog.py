"""The latency watchdog: the fit gives way before frames are dropped."""

_WINDOW = 20  # frames: two seconds at 10 Hz
# Slow down at once, recover in steps: the other way round both would swing.
_SLOWER, _FASTER = 0.5, 1.25
_LOWEST = 0.1
_RELAXED = 0.7  # of the deadline


class Watchdog:
    """
    Watches the tracker's latency and says how much of its time the fit may use.

    `pace` in [0.1, 1] is the share of the time during which the fit computes.
    """

    def __init__(self, deadline_s):
        self.deadline_s = deadline_s
        self.pace = 1.0
        self._quiet = 0

    def observe(self, latency_s):
        """Take the latency of one frame; return the pace from now on."""
        if latency_s > self.deadline_s:
            self.pace = max(self.pace * _SLOWER, _LOWEST)
            self._quiet = 0
            return self.pace
        self._quiet = self._quiet + 1 if latency_s < _RELAXED * self.deadline_s else 0
        if self._quiet >= _WINDOW:
            self.pace, self._quiet = min(self.pace * _FASTER, 1.0), 0
        return self.pace
