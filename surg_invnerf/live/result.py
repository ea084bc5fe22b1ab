"""What live tracking says about one frame."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from surg_invnerf.observations import FrameObservation
from surg_invnerf.tracks.result import Cause


class State(IntEnum):
    """How far the output may be trusted; a larger one is worse."""

    TRACKING = 0
    BOOT = 1  # no answer of the fit yet: positions are chained flow
    DEGRADED = 2  # some output is missing or worse than usual
    LOST = 3  # nothing here was measured in this frame


@dataclass(frozen=True)
class FitStatus:
    """
    How the fit beside the tracker does.

    frame           index of the frame of its last answer; -1 before
    age_s           between that frame and this one; NaN before
    steps           taken in all
    reprojection_px median of its latest steps; NaN before
    skipped         frames that came while it was busy, and that it never saw
    restarts        since the start
    """

    frame: int = -1
    age_s: float = float('nan')
    steps: int = 0
    reprojection_px: float = float('nan')
    skipped: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class LiveResult:
    """
    N points in one frame, in the order of their ids; every number is finite.

    index, stamp_ns     of the frame
    state, reason       health, and why in words (empty while TRACKING)
    ids                 [N] int64, never used twice in a session
    uv                  [N, 2] float32, pixels of the camera's full-size left image
    xyz_m               [N, 3] float32, in the left camera of this frame
    cause               [N] uint8, of Cause
    confidence          [N] float32 in [0, 1]: how likely the point is within 4 working-size
                        pixels, seen or not; 0 for all where the frame could not be used
    cov_m2              [N, 3, 3] float32, of xyz_m
    age_s               [N] float32, since the point was last measured; 0 when it is seen now
    rgb                 [N, 3] uint8, the colour where the point was last seen
    depth_m, sigma_m    [h, w] float32 at working size; NaN and infinity where nothing was measured
    observation         FrameObservation, or None where the frame could not be used
    disagreement_mm     median of |model - stereo| depth over visible points; NaN without a fit
    refusals            {reason: number of queries refused since the start}
    late                points that the deadline left no time for
    latency_s           from the call to this result
    fit                 FitStatus
    """

    index: int
    stamp_ns: int
    state: State
    reason: str
    ids: np.ndarray
    uv: np.ndarray
    xyz_m: np.ndarray
    cause: np.ndarray
    confidence: np.ndarray
    cov_m2: np.ndarray
    age_s: np.ndarray
    rgb: np.ndarray
    depth_m: np.ndarray
    sigma_m: np.ndarray
    observation: FrameObservation | None
    disagreement_mm: float
    refusals: dict
    late: int
    latency_s: float
    fit: FitStatus

    @property
    def visible(self):
        """[N] bool."""
        return self.cause == Cause.VISIBLE
