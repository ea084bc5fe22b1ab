"""What came out for one shot: the one thing that rows, numbers and pictures are made of."""

from dataclasses import dataclass, field

import numpy as np

NAN_3 = np.full(3, np.nan)


@dataclass(frozen=True)
class ShotOutcome:
    """
    One shot: what was known before, what came out, what is true; poses are reference_from_ct.

    verdict             'OK', 'DEGRADED' or 'REJECTED'; '' where the node dropped the shot
    camera              PinholeCamera of the first view
    carm_from_reference pose of the first view; None where it is not known
    reference_frame     in which the poses are
    carm_frame          of the first view: where it is another, the C-arm is tracked
    start               pose known before the shot; None where it was searched for
    estimate            accepted pose; None where nothing was accepted
    truth               None where it is not known
    calibration         Calibration of the C-arm's geometry where it was asked for, else None
    covariance          [6, 6] of the estimate (m, rad), as Result has it; None without
    sigma_mm            [3] as reported: right, down, depth; NaN without a result
    cost                at the gate's level, 0 is perfect
    remarks             {name: text}: what masks leave out, what the views do not see, and the like
    iterations, starts  as Result has them; None without a result
    latency_s           from the arrival of the X-ray to its pose; NaN offline
    """

    stamp_ns: int
    verdict: str
    reason: str
    camera: object
    carm_from_reference: np.ndarray | None
    reference_frame: str = ''
    carm_frame: str = ''
    start_name: str = ''
    start: np.ndarray | None = None
    estimate: np.ndarray | None = None
    truth: np.ndarray | None = None
    calibration: object = None
    covariance: np.ndarray | None = None
    similarity: float = float('nan')
    sigma_mm: np.ndarray = field(default_factory=lambda: NAN_3)
    cost: float = float('nan')
    remarks: dict = field(default_factory=dict)
    iterations: int | None = None
    starts: int | None = None
    time_s: float = float('nan')
    latency_s: float = float('nan')

    @property
    def tracked(self):
        """Whether the reference is a frame in which the C-arm moves and the patient lies."""
        return self.reference_frame != self.carm_frame
