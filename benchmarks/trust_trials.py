"""Good X-rays and bad ones among them: what a gate has to tell apart."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from targets import CASES, ideal_line_integrals
from trials import START_RANGES, poses

from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import flip_image
from xray_registration.benchmark.bone_points import bone_points
from xray_registration.benchmark.starts import StartRange, perturbed
from xray_registration.benchmark.xrays import CAMERA
from xray_registration.simulation.degrade import degrade, preset, quantise
from xray_registration.views import View, line_integrals

# True poses per seed and CT, from which every kind of trial draws, because projecting is slow; to
# so many of them there is a second shot.
POSES = 6
_POSES_WITH_SECOND = 3

_NEAR, _, _WIDE, _ = START_RANGES.values()
_FAR = StartRange(60, 150, 150)

# Share of each kind among all trials, in percent.  A tenth of a surgical team's shots are not
# that bad; the gate is asked far more often than it would be.
SHARES = {
    'good': 38,
    'poor detector': 8,
    'two views': 6,
    'bad start': 12,
    'wrong CT': 10,
    'blank': 6,
    'occluded': 8,
    'mirrored': 8,
    'out of field': 4,
}
KINDS = tuple(SHARES)

# Trials of these kinds have no pose that would be right.
HOPELESS = ('wrong CT', 'blank', 'mirrored')

_CTS = ('chest', 'pelvis', 'windowed chest')


@dataclass(frozen=True)
class Trial:
    """One question to the registration; `reference_from_ct` is None where no answer is right."""

    kind: str
    xray: str  # case of the X-ray
    ct: str  # case of the CT that is registered to it
    note: str
    views: list
    start: np.ndarray  # reference_from_ct [4, 4]
    init: str  # 'start' or 'multistart'
    reference_from_ct: np.ndarray | None
    points: np.ndarray  # [N, 3] m, ct


def kind_of(index):
    """Return the kind of trial number `index`: shares hold in every run of hundred."""
    place = (index * 37) % 100  # a number without common factor spreads the kinds
    edges = np.cumsum(list(SHARES.values()))
    return KINDS[int(np.searchsorted(edges, place, side='right'))]


def trial(seed, index):
    """Return Trial number `index` of a seed; the same numbers give the same trial."""
    kind = kind_of(index)
    rng = np.random.default_rng([seed, 7, index])
    return _MAKERS.get(kind, _good)(kind, seed, rng)


def _good(kind, seed, rng):
    case, pose = _drawn(seed, rng)
    degradation = 'harder' if kind == 'poor detector' else 'standard'
    views = [_view(_shot(case, pose, degradation, rng))]
    return _asked(kind, case, case, degradation, views, pose, pose, rng)


def _two_views(kind, seed, rng):
    case, pose = _drawn(seed, rng, ('chest', 'pelvis'), _POSES_WITH_SECOND)
    second = beside(pose, case.ct.isocentre_m)
    views = [_view(_shot(case, pose, 'standard', rng))]
    camera_from_reference = second @ se3.inverse(pose)
    views.append(_view(_shot(case, second, 'standard', rng), camera_from_reference))
    return _asked(kind, case, case, 'standard', views, pose, pose, rng)


def _bad_start(kind, seed, rng):
    case, pose = _drawn(seed, rng)
    views = [_view(_shot(case, pose, 'standard', rng))]
    init = 'start' if rng.random() < 0.7 else 'multistart'
    return _asked(kind, case, case, f'far, {init}', views, pose, pose, rng, _FAR, init)


def _wrong_ct(kind, seed, rng):
    case, pose = _drawn(seed, rng)
    other = CASES[rng.choice([name for name in _CTS if name != case.name])]
    views = [_view(_shot(case, pose, 'standard', rng))]
    # As if the C-arm stood over the other patient in the same way.
    start = pose.copy()
    start[:3, 3] += pose[:3, :3] @ (case.ct.isocentre_m - other.ct.isocentre_m)
    return _asked(kind, case, other, f'X-ray of {case.name}', views, start, None, rng)


def _blank(kind, seed, rng):
    case, pose = _drawn(seed, rng)
    shape = (CAMERA.height, CAMERA.width)
    note = str(rng.choice(['open field', 'heel effect', 'water', 'dark', 'constant']))
    v, u = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing='ij')
    tilt = rng.uniform(-0.4, 0.4, 2)
    attenuation = {
        'heel effect': 1.0 + tilt[0] * u + tilt[1] * v + rng.uniform(0, 0.2) * u * u,
        'water': 3.0 / np.sqrt(1 + 0.03 * (u * u + v * v)),
    }.get(note, np.zeros(shape))
    if note == 'dark':
        pixels = rng.poisson(rng.uniform(0.5, 30), shape).astype(np.uint16)
        pixels[0, 0] = max(pixels[0, 0], 1)
    elif note == 'constant':
        pixels = quantise(np.full(shape, rng.uniform(0.2, 8)))
    else:
        pixels = degrade(attenuation, preset('standard'), rng)
    return _asked(kind, case, case, note, [_view(pixels)], pose, None, rng)


def _occluded(kind, seed, rng):
    """An opaque thing covers 15 to 95 % of the image; the pose may be found, or not."""
    case, pose = _drawn(seed, rng)
    ideal = ideal_line_integrals(case, pose).copy()
    share, vertical = rng.uniform(0.15, 0.95), rng.random() < 0.5
    side = round(share * ideal.shape[0])
    begin = rng.integers(0, ideal.shape[0] - side + 1)
    strip = ideal[begin : begin + side] if vertical else ideal[:, begin : begin + side]
    strip += rng.uniform(1.5, 6)
    views = [_view(degrade(ideal, preset('standard'), rng))]
    return _asked(kind, case, case, f'{share:.0%}', views, pose, pose, rng)


def _mirrored(kind, seed, rng):
    case, pose = _drawn(seed, rng)
    flip = str(rng.choice(['horizontal', 'vertical']))
    views = [_view(flip_image(_shot(case, pose, 'standard', rng), flip))]
    return _asked(kind, case, case, flip, views, pose, None, rng)


def _out_of_field(kind, seed, rng):
    """The patient lies beside the beam: a third of the CT is still seen, or nothing."""
    case = CASES[rng.choice(_CTS)]
    number = int(rng.integers(2))
    pose = beside_the_beam(case, seed, number)
    views = [_view(_shot(case, pose, 'standard', rng))]
    start = poses(case.ct, POSES, seed)[number]
    return _asked(kind, case, case, '', views, start, pose, rng)


_MAKERS = {
    'two views': _two_views,
    'bad start': _bad_start,
    'wrong CT': _wrong_ct,
    'blank': _blank,
    'occluded': _occluded,
    'mirrored': _mirrored,
    'out of field': _out_of_field,
}


def beside(pose, isocentre_m):
    """Return the pose [4, 4] of a second shot, 75 degrees farther along the patient's axis."""
    turn = np.array([0, 0, 0, 0, 0, np.deg2rad(75)])
    return pose @ se3.perturb(turn, np.eye(4), isocentre_m)


def beside_the_beam(case, seed, number):
    """Return the pose [4, 4] of a shot that misses most of the CT."""
    pose = poses(case.ct, POSES, seed)[number]
    reach = 0.5 * case.ct.spacing_m * np.array(case.ct.hu.shape[::-1])
    # Half the field of view at the isocentre is 0.1 m.
    pose[:2, 3] += [0.0, reach[2] + 0.06] if number else [reach[0] + 0.06, 0.0]
    return pose


def _drawn(seed, rng, names=_CTS, count=POSES):
    case = CASES[rng.choice(names)]
    return case, poses(case.ct, POSES, seed)[int(rng.integers(count))]


def _shot(case, pose, degradation, rng):
    return degrade(ideal_line_integrals(case, pose), preset(degradation), rng)


def _view(pixels, camera_from_reference=None):
    pose = np.eye(4) if camera_from_reference is None else camera_from_reference
    return View(line_integrals(pixels, 'raw'), CAMERA, pose)


def _asked(kind, xray, ct, note, views, around, truth, rng, start_range=None, init=None):
    if init is None:
        init = str(rng.choice(['start', 'multistart']))
    start_range = start_range or (_NEAR if init == 'start' else _WIDE)
    start = perturbed(around, ct.ct.isocentre_m, start_range.twist(rng))
    points = _points(ct.name)
    return Trial(kind, xray.name, ct.name, note, views, start, init, truth, points)


@cache
def _points(name):
    return bone_points(CASES[name].ct, 0)
