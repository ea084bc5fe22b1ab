"""Where a replay is in the time of its bag: it runs at a rate, stands still, or runs one step."""

import time

from surgical_perception.ros import stamps


class Playhead:
    """
    Bag time against the steady clock.

    rate        seconds of the bag per second
    paused      whether it stands still at first
    now_s       steady clock, for tests

    A step plays one message of the topic that steps are counted by, and all that follows until the
    next one of them is due.
    """

    def __init__(self, rate, paused=False, now_s=time.monotonic):
        self._rate = rate
        self._now_s = now_s
        self._paused = paused
        self._steps = None  # messages that may still be played before a pause; None: no limit
        self.begin(0)

    @property
    def paused(self):
        """Whether it stands still."""
        return self._paused

    @property
    def position_ns(self):
        """Bag time now."""
        if self._paused:
            return self._base_ns
        elapsed_s = self._now_s() - self._since_s
        return self._base_ns + int(elapsed_s * self._rate * stamps.NS_PER_S)

    def begin(self, stamp_ns):
        """Go to a bag time, as at the first message of a bag."""
        self._base_ns, self._since_s = stamp_ns, self._now_s()

    def wait_s(self, stamp_ns):
        """Return the seconds until a bag time, negative once it has passed; None while paused."""
        if self._paused:
            return None
        return (stamp_ns - self.position_ns) * 1e-9 / self._rate

    def may_play(self, counts, stamp_ns):
        """
        Take note that a message is due; return whether it may be played, else pause at its time.

        counts      whether it is of the topic that steps are counted by
        """
        if not counts or self._steps is None:
            return True
        if self._steps == 0:
            self._paused, self._base_ns = True, stamp_ns
            return False
        self._steps -= 1
        return True

    def pause(self):
        """Stand still."""
        self._base_ns, self._paused = self.position_ns, True

    def resume(self):
        """Run on without a limit."""
        self._steps = None
        self._run()

    def toggle(self):
        """Pause, or run on."""
        if self._paused:
            self.resume()
        else:
            self.pause()

    def step(self):
        """Play up to where the next message but one is due."""
        self._steps = 1
        self._run()

    def _run(self):
        if self._paused:
            self._paused = False
            self.begin(self._base_ns)
