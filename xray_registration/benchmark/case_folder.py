"""A case on disk: X-rays, their cameras, and the truth; see docs/benchmark_registration.md."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import sha256_of
from surgical_perception.geometry.camera import PinholeCamera, save_camera_yaml
from xray_registration.benchmark.truth import Truth, read_truth, write_truth
from xray_registration.image_files import load_mask
from xray_registration.view_files import load_views

TRUTH = 'truth.json'


class Shot(NamedTuple):
    """
    One X-ray to be written.

    pixels                  [H, W] uint8 or uint16
    camera_from_reference   [4, 4] (m)
    mask                    [H, W] bool, True where it may be used; None writes no mask
    """

    pixels: np.ndarray
    camera: PinholeCamera
    camera_from_reference: np.ndarray
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class Case:
    """
    A case as it was read.

    name        of the folder and the one above it, which tells cases apart in tables
    ct_path     of the CT, absolute
    views       list of View, with the masks that the folder holds
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
            pictures = {'view': shot.pixels}
            if shot.mask is not None:
                pictures['mask'] = np.where(shot.mask, 255, 0).astype(np.uint8)
            for name, pixels in pictures.items():
                if not cv2.imwrite(str(partial / f'{name}_{number}.png'), pixels):
                    raise InputError(f'{folder}: {name}_{number}.png cannot be written there')
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
    views = load_views(images, cameras, intensity=truth.intensity).views
    ct_path = folder / truth.ct_path  # an absolute path wins over the folder
    # Without `..`, so that cases beside each other name their CT alike and share what is loaded;
    # a link as file stays, since what it points at may have no ending that tells the format.
    ct_path = ct_path.parent.resolve() / ct_path.name
    name = f'{folder.parent.name}/{folder.name}'
    return Case(name, ct_path, _with_masks(views, folder), truth, sha256_of(folder))


def is_made(folder, truth):
    """
    Whether a case folder is there already, made with the settings of a Truth.

    Raises InputError where the folder holds another case.
    """
    if not folder.exists():
        return False
    there = read_truth(folder / TRUTH)
    same = there.made == truth.made and there.ct_sha256 == truth.ct_sha256
    if not same or there.starts.shape != truth.starts.shape:
        raise InputError(
            f'{folder} holds a case of other settings, seed or CT: remove it, or give another '
            '--out'
        )
    return True


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


def _with_masks(views, folder):
    """Give Views the masks that lie beside their X-rays."""
    paths = {path.name: path for path in sorted(folder.glob('mask_*.png'))}
    masked = []
    for number, view in enumerate(views):
        path = paths.pop(f'mask_{number}.png', None)
        masked.append(view if path is None else replace(view, mask=_mask(path, view)))
    for path in paths.values():
        raise InputError(f'{path}: there is no X-ray of that number: rename or remove it')
    return masked


def _mask(path, view):
    try:
        mask = load_mask(path)
    except InputError as error:
        raise InputError(
            f'{error}: save it as 8 bits of grey, 0 only where the X-ray is not to be used, or '
            'remove it'
        ) from None
    if mask.shape != view.image.shape:
        sizes = [f'{width}x{height}' for height, width in (mask.shape, view.image.shape)]
        raise InputError(
            f'{path}: is {sizes[0]} but its X-ray is {sizes[1]}: draw it on that one, or remove it'
        )
    return mask
