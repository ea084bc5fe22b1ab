"""
Following the CT through a fluoroscopy sequence: few steps a frame from a predicted pose.

A frame that comes soon after an accepted one is registered by a short pyramid, from where a
constant velocity would have brought the CT.  Where that fails, or too much time has passed, the
whole registration searches from the last pose that was accepted.
"""

from dataclasses import dataclass, replace

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.config import RegistrationConfig
from xray_registration.pyramid import VolumePyramid
from xray_registration.registration import register
from xray_registration.result import Result, Verdict

NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Motion:
    """
    Where the CT was at a time, and how it moved.

    reference_from_ct   [4, 4] (m)
    velocity            [6] spatial twist in the reference frame (m/s, rad/s)
    """

    reference_from_ct: np.ndarray
    stamp_ns: int
    velocity: np.ndarray

    @classmethod
    def at_rest(cls, reference_from_ct, stamp_ns):
        """Return the Motion of a pose about whose velocity nothing is known."""
        return cls(reference_from_ct, stamp_ns, np.zeros(6))

    def predicted(self, stamp_ns):
        """Return reference_from_ct [4, 4] at a time, by constant velocity."""
        elapsed_s = (stamp_ns - self.stamp_ns) / NS_PER_S
        return se3.exp(self.velocity * elapsed_s) @ self.reference_from_ct

    def followed_by(self, reference_from_ct, stamp_ns):
        """Return the Motion after the next pose."""
        elapsed_s = (stamp_ns - self.stamp_ns) / NS_PER_S
        step = reference_from_ct @ se3.inverse(self.reference_from_ct)
        return Motion(reference_from_ct, stamp_ns, se3.log(step) / elapsed_s)


@dataclass(frozen=True)
class Followed:
    """One frame of a sequence: its Result, and whether it was tracked or searched for."""

    stamp_ns: int
    result: Result
    tracked: bool


def tracking_config(config):
    """Return the RegistrationConfig of a tracked frame: short pyramid, no search, no advice."""
    return replace(
        config,
        init='start',
        levels=config.tracking.levels,
        search_levels=1,
        # The search that the sequence began with has looked at the mirrored image.
        gate=replace(config.gate, test_mirrored=False, advise=False),
    )


def follow(motion, stamp_ns, max_gap_s, quick, search):
    """
    Track a frame where it comes soon after `motion`, else or where that fails search.

    motion      Motion of the last accepted frame, or None
    quick       (reference_from_ct [4, 4]) -> Result, from a predicted pose
    search      () -> Result

    Returns (Result, whether it was tracked).
    """
    if _is_soon(motion, stamp_ns, max_gap_s):
        result = quick(motion.predicted(stamp_ns))
        if result.verdict is not Verdict.REJECTED:
            return result, True
    return search(), False


def continued(motion, reference_from_ct, stamp_ns, max_gap_s):
    """Return the Motion after a pose was accepted; a velocity needs a pose shortly before."""
    if _is_soon(motion, stamp_ns, max_gap_s):
        return motion.followed_by(reference_from_ct, stamp_ns)
    return Motion.at_rest(reference_from_ct, stamp_ns)


def track(frames, volume, start=None, config=None, cancelled=None):
    """
    Yield a Followed for each frame of a sequence.

    frames      iterable of (stamp_ns, [View]) in the order of their stamps
    volume      VolumePyramid or AttenuationVolume
    start       reference_from_ct [4, 4] for the first frame, None to search for it
    config      RegistrationConfig; its `tracking` says when a frame is tracked

    Only a result that is not rejected moves the prediction.  Raises InputError as `register` does.
    """
    config = config or RegistrationConfig()
    volumes = volume if isinstance(volume, VolumePyramid) else VolumePyramid(volume)
    quick, max_gap_s = tracking_config(config), config.tracking.max_gap_s
    motion = None
    for stamp_ns, views in frames:
        result, tracked = follow(
            motion,
            stamp_ns,
            max_gap_s,
            lambda pose, views=views: register(views, volumes, pose, quick, cancelled),
            lambda views=views, at=start: register(views, volumes, at, config, cancelled),
        )
        if result.verdict is not Verdict.REJECTED:
            start = result.reference_from_ct
            motion = continued(motion, start, stamp_ns, max_gap_s)
        yield Followed(stamp_ns, result, tracked)


def _is_soon(motion, stamp_ns, max_gap_s):
    return motion is not None and 0 < stamp_ns - motion.stamp_ns <= max_gap_s * NS_PER_S
