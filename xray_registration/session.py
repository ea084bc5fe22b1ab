"""One registration after another, and what each leaves for the next: for node and evaluation."""

import threading
from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.result import Result, Verdict
from xray_registration.tracking import Motion, continued, follow


class Registration(NamedTuple):
    """
    The outcome of one shot.

    start_name  where it started: initial_pose, parameter, previous, tracking, network or
                multistart
    accepted    whether the pose may be published
    note        what the user should know about the start, '' for nothing
    """

    start_name: str
    result: Result
    accepted: bool
    note: str = ''


class _Given(NamedTuple):
    """A pose of the CT that somebody gave."""

    frame: str
    frame_from_ct: np.ndarray


class RegistrationSession:
    """
    Chooses the start of every registration, and remembers what was accepted.

    `register` may run in another thread than `give` and `forget`; what was forgotten while it ran
    stays forgotten.
    """

    def __init__(self, pipeline):
        """Take a RegistrationPipeline."""
        self._pipeline = pipeline
        self._lock = threading.Lock()
        self._given = self._motion = self._frame = None
        self._epoch = 0

    @property
    def given(self):
        """The pose that somebody gave and no registration has used up, as (frame, [4, 4])."""
        return self._given

    def give(self, frame, frame_from_ct):
        """Start at this pose [4, 4] until a result was accepted."""
        with self._lock:
            self._given = _Given(frame, frame_from_ct)

    def forget(self):
        """Drop given and accepted poses."""
        with self._lock:
            self._given = self._motion = self._frame = None
            self._epoch += 1

    def register(self, views, reference, stamp_ns, parameters, cancelled=lambda: False):
        """
        Register the Views of a shot in the frame `reference`; return a Registration.

        Takes XrayRegistrationParameters.  Raises what the pipeline raises, and InputError where
        good transforms together lead to a place beyond what a transform may say.
        """
        with self._lock:
            epoch, given, motion, frame = self._epoch, self._given, self._motion, self._frame
        note = ''
        if given and given.frame != reference:
            note = (
                f'initial_pose ignored: it is in frame {given.frame!r}, the CT is registered in '
                f'{reference!r}'
            )
            self._drop(given)
            given = None
        follows = parameters.init in ('previous', 'network')
        known = motion if follows and frame == reference else None
        name, start = _start(given, known, parameters)
        result, tracked = follow(
            None if given else known,
            stamp_ns,
            parameters.tracking.max_gap_s,
            lambda pose: self._pipeline.track(views, pose, cancelled=cancelled),
            lambda: self._pipeline.register(views, start, cancelled=cancelled),
        )
        degraded = result.verdict is Verdict.DEGRADED and parameters.accept.degraded
        accepted = result.verdict is Verdict.OK or degraded
        if accepted:
            se3.validated(result.reference_from_ct, f'the pose of the CT in {reference!r}')
            self._drop(given)
            with self._lock:
                if epoch == self._epoch:
                    self._frame = reference
                    self._motion = continued(
                        known, result.reference_from_ct, stamp_ns, parameters.tracking.max_gap_s
                    )
        return Registration('tracking' if tracked else name, result, accepted, note)

    def _drop(self, given):
        """Forget a given pose, unless a newer one came meanwhile."""
        with self._lock:
            if self._given is given:
                self._given = None


def _start(given, known: Motion | None, parameters):
    """Return (name, reference_from_ct or None) of the pose that a search begins at."""
    if given:
        return 'initial_pose', given.frame_from_ct
    if parameters.init == 'parameter':
        return 'parameter', parameters.start_pose()
    if known and parameters.init == 'previous':
        return 'previous', known.reference_from_ct
    return ('network' if parameters.init == 'network' else 'multistart'), None
