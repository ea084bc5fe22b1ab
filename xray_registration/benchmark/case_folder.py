"""A case on disk: X-rays, their cameras, and the truth; see docs/benchmark_registration.md."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import sha256_of
from surgical_perception.geometry.camera import PinholeCamera, save_camera_yaml
from xray_registration.benchmark.truth import Truth, read_truth, write_truth
from xray_registration.view_files import load_views

TRUTH = 'truth.json'


class Shot(NamedTuple):
    """One X-ray to be written: pixels [H, W] uint16, camera, camera_from_reference [4, 4]."""

    pixels: np.ndarray
    camera: PinholeCamera
    camera_from_reference: np.ndarray


@dataclass(frozen=True)
class Case:
    """
    A case as it was read.

    name        of the folder and the one above it, which tells cases apart in tables
    ct_path     of the CT, absolute
    views       list of View, without masks
    sha256      of all files
    """

    name: str
    ct_path: Path
    views: list
    truth: Truth
    sha256: str


def write_case(folder, shots, truth):
    """
    Write Shots and a Truth into a new folder, which is there as a whole or not at all.

    Raises InputError where it exists or cannot be written.
    """
    folder = Path(folder)
    partial = folder.with_name(f'.{folder.name}.{os.getpid()}')
    try:
        partial.mkdir(parents=True)
        for number, shot in enumerate(shots):
            if not cv2.imwrite(str(partial / f'view_{number}.png'), shot.pixels):
                raise InputError(f'{folder}: an X-ray cannot be written there')
            save_camera_yaml(
                partial / f'camera_{number}.yaml',
                shot.camera,
                camera_from_reference=shot.camera_from_reference,
            )
        write_truth(partial / TRUTH, truth)
        partial.rename(folder)
    except OSError as error:
        raise InputError(f'{folder}: cannot be written: {error.strerror}') from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_case(folder):
    """Read a Case; raises InputError, naming the file, for whatever cannot be used."""
    folder = Path(folder).resolve()
    truth = read_truth(folder / TRUTH)
    found = len(list(folder.glob('view_*.png')))
    if found != truth.views:
        raise InputError(
            f'{folder}: holds {found} X-rays view_<n>.png, but {TRUTH} says {truth.views}: make '
            'the case anew'
        )
    images = [folder / f'view_{n}.png' for n in range(truth.views)]
    cameras = [folder / f'camera_{n}.yaml' for n in range(truth.views)]
    files = load_views(images, cameras, intensity=truth.intensity)
    ct_path = folder / truth.ct_path  # an absolute path wins over the folder
    name = f'{folder.parent.name}/{folder.name}'
    return Case(name, ct_path, files.views, truth, sha256_of(folder))


def find_cases(folders):
    """
    List the case folders among or directly below some folders, in the order of their names.

    Raises InputError where there are none, or where two would have the same name in tables.
    """
    found = {}
    for folder in map(Path, folders):
        inside = [folder] if (folder / TRUTH).is_file() else sorted(folder.glob(f'*/{TRUTH}'))
        cases = [path.parent if path.name == TRUTH else path for path in inside]
        # What a stopped `make-cases` left behind begins with a dot.
        cases = [case.resolve() for case in cases if not case.name.startswith('.')]
        if not cases:
            raise InputError(f'{folder}: holds no case: make some with `benchmark make-cases`')
        for case in cases:
            name = case.parent.name, case.name
            if found.setdefault(name, case) != case:
                raise InputError(
                    f'{found[name]} and {case} have the same name in tables: rename a folder'
                )
    return list(found.values())
