"""The methods under comparison behind one signature: same view, same volume, same start."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from diffdrr_renderer import DiffDrrRenderer
from trials import START_RANGES

from surgical_perception.geometry import se3
from xray_registration.config import GateConfig, MultistartConfig, RegistrationConfig
from xray_registration.presets import learned
from xray_registration.registration import register
from xray_registration.solvers import adam

# At the size of method diffpose a registration through DiffDRR takes more than a quarter of an
# hour on two cores.
_DIFFDRR_IMAGE_SIZE, _DIFFDRR_VOXEL_MM = 128, 2.8

# Comparators may take what they need.
_TIMEOUT_S = 600.0


class Outcome(NamedTuple):
    """What one method made of one start; `verdict` is '' where a method has none."""

    carm_from_ct: np.ndarray
    time_s: float
    verdict: str = ''
    starts: int = 1
    covariance: np.ndarray | None = None


@dataclass(frozen=True)
class Method:
    """A method with its name in the tables and where its results are worth their time."""

    label: str
    run: Callable  # (view, volumes, start, start_range) -> Outcome
    conditions: tuple[tuple[str, str], ...]  # (case, start range)
    max_trials: int
    needs_network: bool = False  # in the VolumePyramid


def _lm(view, volumes, start, start_range):
    return _outcome(register([view], volumes, start, RegistrationConfig(init='start')))


def _multistart(view, volumes, start, start_range):
    box = MultistartConfig(
        rotation_deg=start_range.rotation_deg,
        in_plane_mm=start_range.in_plane_mm,
        depth_mm=start_range.depth_mm,
    )
    config = RegistrationConfig(init='multistart', multistart=box)
    return _outcome(register([view], volumes, start, config))


def _spherical(view, volumes, start, start_range):
    config = learned(RegistrationConfig(init='start'), volumes.networks['similarity'])
    return _outcome(register([view], volumes, start, config))


def _outcome(result):
    return Outcome(
        result.reference_from_ct,
        result.time_s,
        result.verdict.name,
        result.starts,
        result.covariance,
    )


def _comparator(name):
    """Return the run of a registered method, without a limit and the mirrored X-ray's search."""

    def run(view, volumes, start, start_range):
        config = RegistrationConfig(
            method=name,
            init='start',
            gate=GateConfig(test_mirrored=False, advise=False),
            timeout_s=_TIMEOUT_S,
        )
        return _outcome(register([view], volumes, start, config))

    return run


def _adam_through_diffdrr(view, volumes, start, start_range):
    volume, ct_from_carm = volumes.at(_DIFFDRR_VOXEL_MM), se3.inverse(start)
    problem = DiffDrrRenderer(view, volume, ct_from_carm, _DIFFDRR_IMAGE_SIZE)
    began = time.perf_counter()
    found = adam.minimise(
        problem.loss_and_gradient, ct_from_carm, volumes.isocentre_m, lambda: False
    )
    return Outcome(se3.inverse(found.ct_from_reference), time.perf_counter() - began)


_NEAR, *_, _FAR = START_RANGES
_MAIN, _VARIANTS = ('chest', 'pelvis'), ('windowed chest', 'chest harder')
_OBSTRUCTED = ('chest collimated', 'chest obstructed', 'pelvis obstructed')
_CURVE, _MAIN_NEAR = tuple(product(_MAIN, START_RANGES)), tuple(product(_MAIN, (_NEAR,)))

METHODS = {
    'lm': Method(
        'LM, one start', _lm, (*_CURVE, *product((*_VARIANTS, *_OBSTRUCTED), (_NEAR,))), 30
    ),
    'multistart': Method(
        'LM, multi-start',
        _multistart,
        (*_CURVE, *product(_VARIANTS, (_FAR,)), *product(_OBSTRUCTED, (_NEAR,))),
        30,
    ),
    'spherical': Method(
        'spherical, one start', _spherical, (*_CURVE, ('chest harder', _FAR)), 30, True
    ),
    'bobyqa': Method('BOBYQA, same costs', _comparator('bobyqa'), _MAIN_NEAR, 30),
    'adam': Method('Adam on mNCC, our renderer', _comparator('diffpose'), _MAIN_NEAR, 10),
    'adam-diffdrr': Method(
        'Adam on mNCC, DiffDRR, 128x128', _adam_through_diffdrr, _MAIN_NEAR[:1], 2
    ),
}
