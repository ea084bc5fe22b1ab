"""What a transform buffer keeps of one frame: its parent and its pose there, over time."""

from bisect import bisect_left, bisect_right

from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_errors import ExtrapolationError


class StaticTransform:
    """The one sample of a static transform."""

    def insert(self, _stamp_ns, sample):
        self._sample = sample
        return True

    def at(self, _stamp_ns):
        return self._sample

    def latest(self):
        return 0, self._sample[0]

    def clear(self):
        pass


class MovingTransform:
    """Samples (parent, parent_from_child) of a moving frame in the order of their stamps."""

    def __init__(self, cache_ns):
        self._cache_ns = cache_ns
        self._stamps = []
        self._samples = []

    def insert(self, stamp_ns, sample):
        """Keep the sample and return True, or return False where it is older than the cache."""
        if self._stamps:
            oldest_ns = self._stamps[-1] - self._cache_ns
            # As in tf2, before the insertion: a publisher slower than the cache keeps two samples.
            expired = bisect_left(self._stamps, oldest_ns)
            del self._stamps[:expired], self._samples[:expired]
            if stamp_ns < oldest_ns:
                return False
        place = bisect_left(self._stamps, stamp_ns)
        if place < len(self._stamps) and self._stamps[place] == stamp_ns:
            self._samples[place] = sample
        else:
            self._stamps.insert(place, stamp_ns)
            self._samples.insert(place, sample)
        return True

    def at(self, stamp_ns):
        """Return (parent, parent_from_child) at a stamp, or raise ExtrapolationError."""
        if not self._stamps:
            raise ExtrapolationError('the buffer holds no sample any more')
        self._require_inside(stamp_ns)
        place = bisect_right(self._stamps, stamp_ns) - 1
        parent, pose = self._samples[place]
        if self._stamps[place] == stamp_ns:
            return parent, pose
        next_parent, next_pose = self._samples[place + 1]
        if next_parent != parent:
            return parent, pose  # between two parents nothing can be interpolated: the older holds
        begin_ns, end_ns = self._stamps[place], self._stamps[place + 1]
        fraction = (stamp_ns - begin_ns) / (end_ns - begin_ns)
        return parent, se3.interpolate(pose, next_pose, fraction)

    def _require_inside(self, stamp_ns):
        earliest, latest = self._stamps[0], self._stamps[-1]
        requested = f'requested time {stamps.text(stamp_ns)}'
        if earliest == latest != stamp_ns:
            raise ExtrapolationError(f'{requested}, but only {stamps.text(latest)} is there')
        if stamp_ns > latest:
            raise ExtrapolationError(
                f'extrapolation into the future: {requested}, '
                f'but the latest data is at {stamps.text(latest)}'
            )
        if stamp_ns < earliest:
            raise ExtrapolationError(
                f'extrapolation into the past: {requested}, '
                f'but the earliest data is at {stamps.text(earliest)}'
            )

    def latest(self):
        """Return (stamp, parent) of the newest sample, or None."""
        return (self._stamps[-1], self._samples[-1][0]) if self._stamps else None

    def clear(self):
        self._stamps.clear()
        self._samples.clear()
