"""What a registration method is given, and what it has to return."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from xray_registration.config import RegistrationConfig
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.result import SolverStatus
from xray_registration.similarity.linearisation import Linearisation
from xray_registration.views import View


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


class Estimate(NamedTuple):
    """
    A pose [4, 4] with the quadratic model around it, from which its uncertainty follows.

    steps   accepted steps on the way from the start that won; starts   how many were tried
    """

    ct_from_reference: np.ndarray
    model: Linearisation
    status: SolverStatus
    steps: int
    starts: int
