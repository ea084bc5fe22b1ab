"""What a registration method is given, and what it has to return."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.config import RegistrationConfig
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.result import SolverStatus
from xray_registration.similarity.linearisation import Linearisation
from xray_registration.views import View


class Estimate(NamedTuple):
    """
    A pose [4, 4] with the quadratic model around it, from which its uncertainty follows.

    steps   accepted steps on the way from the start that won; evaluations where a method has none
    starts  how many were tried
    """

    ct_from_reference: np.ndarray
    model: Linearisation
    status: SolverStatus
    steps: int
    starts: int


class Request(NamedTuple):
    """
    One registration, its images and volumes ready.

    views, volumes          what the objectives are made of: Views with masks, a VolumePyramid
    levels                  the pyramid's objectives, coarse to fine, as config.levels
    camera_from_reference   [4, 4] of the first view, in whose axes starts are scattered
    start                   reference_from_ct [4, 4]; None searches every standard position
    isocentre_m             [3] in `ct`
    interrupt               True past the time limit; raises where the caller cancelled
    """

    views: list[View]
    volumes: VolumePyramid
    levels: list[LevelObjective]
    camera_from_reference: np.ndarray
    start: np.ndarray | None
    isocentre_m: np.ndarray
    config: RegistrationConfig
    interrupt: Callable[[], bool]

    def required_start(self):
        """Return the start as ct_from_reference [4, 4]; raises InputError where there is none."""
        if self.start is None:
            raise InputError(
                f'method {self.config.method} needs a start: give one, or take method lm, which '
                'finds its own'
            )
        return se3.inverse(self.start)

    def estimate_at(self, ct_from_reference, status, steps):
        """
        Return the Estimate of a pose [4, 4] that was found by other costs than the levels'.

        Its model is that of the finest level, so that it is judged as every other pose is.
        """
        finest = self.levels[-1]
        finest.focus(ct_from_reference)
        model = finest.linearise(finest.evaluate(ct_from_reference))
        return Estimate(ct_from_reference, model, status, steps, 1)
