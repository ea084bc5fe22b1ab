"""What is known about a case: its CT, where it truly is, where methods start (`truth.json`)."""

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import write_json
from surgical_perception.geometry import se3
from xray_registration.benchmark.records import ALL_GROUPS
from xray_registration.benchmark.starts import StartRange
from xray_registration.config import REGIONS
from xray_registration.views import INTENSITIES

FORMAT = 1

# Errors are measured on the anatomy; a point that is farther from the CT's origin is no part of
# it, but one in mm.
_MAX_POINT_M = 10.0


@dataclass(frozen=True)
class Truth:
    """
    A case but for its X-rays.

    ct_path             of the CT; relative to the case folder, or absolute
    ct_sha256           of the CT as `load_ct` reads it
    group               name of the condition; cases of one group are counted together
    views               number of X-rays
    sdd_mm              source to detector: errors on the detector are in its mm
    reference_from_ct   [4, 4] (m); the reference is that of the cameras
    points_m            [M, 3] in `ct`: where errors are taken
    starts              [N, 4, 4] reference_from_ct that methods begin at; N may be 0
    start_range         how far the starts are off; None without starts
    automatic_masks     whether methods may use automatic masks
    region              one of config.REGIONS: 'projection' where the CT holds one segmented bone
                        of a full X-ray
    intensity           of the X-rays, as `register` takes it
    made                settings and seed that made the case, for people
    """

    ct_path: str
    ct_sha256: str
    group: str
    views: int
    sdd_mm: float
    reference_from_ct: np.ndarray
    points_m: np.ndarray
    starts: np.ndarray = field(default_factory=lambda: np.empty((0, 4, 4)))
    start_range: StartRange | None = None
    automatic_masks: bool = True
    region: str = 'whole'
    intensity: str = 'raw'
    made: dict = field(default_factory=dict)


def write_truth(path, truth):
    """Write a Truth as JSON; return the path."""
    return write_json(
        path,
        {
            'format': FORMAT,
            'ct': {'path': truth.ct_path, 'sha256': truth.ct_sha256},
            'group': truth.group,
            'views': truth.views,
            'intensity': truth.intensity,
            'automatic_masks': truth.automatic_masks,
            'region': truth.region,
            'sdd_mm': truth.sdd_mm,
            'reference_from_ct': truth.reference_from_ct.ravel(),
            'start_range': truth.start_range,
            'starts': truth.starts.reshape(-1, 16),
            'points_m': truth.points_m,
            'made': truth.made,
        },
    )


def read_truth(path):
    """Read a Truth; raises InputError, naming the file and the key, for whatever is wrong."""
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: is no JSON: {error}') from None
    try:
        if not isinstance(values, dict) or values.get('format') != FORMAT:
            raise InputError(f'is no case of format {FORMAT}, which this version reads')
        return _truth(values)
    except InputError as error:
        raise InputError(f'{path}: {error}') from None


def _truth(values):
    ct = _get(values, 'ct', dict, 'an object with path and sha256')
    ct_path = _get(ct, 'path', str, 'the path of the CT')
    sha256 = _get(ct, 'sha256', str, '64 hexadecimal digits')
    if not re.fullmatch('[0-9a-f]{64}', sha256):
        raise InputError(f'ct.sha256 is {sha256!r}, expected 64 hexadecimal digits')
    group = _get(values, 'group', str, 'the name of the condition')
    if not group.strip():
        raise InputError('group is empty: name the condition')
    if group == ALL_GROUPS:
        raise InputError(f'group is {group!r}, the name of the table of all groups: take another')
    views = _get(values, 'views', int, 'the number of X-rays')
    if views < 1:
        raise InputError(f'views is {views}, expected at least 1')
    intensity = _get(values, 'intensity', str, f'one of {", ".join(INTENSITIES)}')
    if intensity not in INTENSITIES:
        raise InputError(f'intensity is {intensity!r}, expected one of {", ".join(INTENSITIES)}')
    region = values.get('region', 'whole')  # which the first cases do not say
    if region not in REGIONS:
        raise InputError(
            f'region is {json.dumps(region)[:60]}, expected one of {", ".join(REGIONS)}'
        )
    starts = _get(values, 'starts', list, 'a list of poses, 16 numbers each')
    poses = [se3.validated(pose, f'starts[{n}]') for n, pose in enumerate(starts)]
    start_range = _start_range(values)
    if poses and start_range is None:
        raise InputError('start_range is missing: say how far the starts are off')
    return Truth(
        ct_path=ct_path,
        ct_sha256=sha256,
        group=group,
        views=views,
        sdd_mm=_positive(values, 'sdd_mm'),
        reference_from_ct=se3.validated(
            _get(values, 'reference_from_ct', list, '16 numbers'), 'reference_from_ct'
        ),
        points_m=_points(values),
        starts=np.reshape(poses, (-1, 4, 4)),
        start_range=start_range,
        automatic_masks=_get(values, 'automatic_masks', bool, 'true or false'),
        region=region,
        intensity=intensity,
        made=_get(values, 'made', dict, 'an object, empty where nothing is known'),
    )


def _get(values, key, kind, expected):
    """Return a value of a type; in JSON true is no number."""
    value = values.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InputError(f'{key} is {json.dumps(value)[:60]}, expected {expected}')
    return value


def _positive(values, key):
    value = _get(values, key, (int, float), 'a positive number')
    if isinstance(value, bool) or not (math.isfinite(value) and value > 0):
        raise InputError(f'{key} is {value}, expected a positive number')
    return float(value)


def _start_range(values):
    if values.get('start_range') is None:
        return None
    given = _get(values, 'start_range', dict, 'rotation_deg, in_plane_mm and depth_mm')
    return StartRange(*(_positive(given, k) for k in ('rotation_deg', 'in_plane_mm', 'depth_mm')))


def _points(values):
    given = _get(values, 'points_m', list, 'points of the CT, three numbers each')
    try:
        points = np.array(given, float)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError('points_m is no list of points, three numbers each')
    if not (np.abs(points) <= _MAX_POINT_M).all():
        raise InputError(f'points_m leaves {_MAX_POINT_M:g} m, or is not finite: are these mm?')
    return points
