"""How far the fit has come, from its answers and the frames that passed."""

from collections import OrderedDict

from surg_invnerf.live.result import FitStatus

# Answers for older frames than these have no known age; at 30 Hz they are half a minute old.
_REMEMBERED = 1000


class Progress:
    """Knows the stamps of frames, and of which one the fit's last answer speaks."""

    def __init__(self):
        self.frame = -1
        self._stamp_ns = None
        self._reprojection_px = float('nan')
        self._stamps_ns = OrderedDict()

    def passed(self, observation):
        """Note a frame that the tracker has seen."""
        self._stamps_ns[observation.index] = observation.stamp_ns
        if len(self._stamps_ns) > _REMEMBERED:
            self._stamps_ns.popitem(last=False)

    def knows(self, frame):
        """Return whether a frame of this index has passed, and not too long ago."""
        return frame in self._stamps_ns

    def answered(self, answer):
        """Note an Answer for a frame that it knows."""
        self.frame = answer.frame
        self._stamp_ns = self._stamps_ns[answer.frame]
        self._reprojection_px = answer.reprojection_px

    def age_s(self, stamp_ns):
        """Return the seconds from the answered frame to a stamp; NaN before the first."""
        return float('nan') if self._stamp_ns is None else (stamp_ns - self._stamp_ns) * 1e-9

    def status(self, stamp_ns, fit):
        """Return the FitStatus at a stamp."""
        return FitStatus(
            self.frame,
            self.age_s(stamp_ns),
            fit.steps,
            self._reprojection_px,
            fit.skipped,
            fit.restarts,
        )
