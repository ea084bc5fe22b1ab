"""X-rays with their cameras and masks, from files to Views."""

from dataclasses import dataclass, replace

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from xray_registration.image_files import load_mask
from xray_registration.intake.carm_view import CT, ISOCENTRE, WORLD
from xray_registration.intake.files import Picture, holds_geometry, open_view, read_picture
from xray_registration.intake.selection import split_name
from xray_registration.views import View, line_integrals


@dataclass(frozen=True)
class ViewFiles:
    """
    What was read.

    views       a View for each X-ray, as seen from the source
    reference   carm_view.ISOCENTRE, CT or WORLD: what their poses are relative to
    texts       where each one's geometry comes from, for people
    """

    views: list
    reference: str
    texts: list

    def start(self, ct):
        """Return reference_from_ct [4, 4] (m) where the files tell it, or None."""
        if self.reference == CT:
            return np.eye(4)
        if self.reference == ISOCENTRE:
            # The C-arm looks at what it is to see.
            return se3.from_rotation_translation(np.eye(3), -ct.isocentre_m)
        return None


def load_views(image_paths, camera_paths=(), mask_paths=(), intensity=None, flip=None):
    """
    Read X-rays with their cameras and masks; return ViewFiles.

    Without `camera_paths`, each image has to hold its own geometry.  `intensity` and `flip` win
    over what the files say.  Raises InputError where something is missing or does not fit.
    """
    _check_number('camera', camera_paths, image_paths)
    _check_number('mask', mask_paths, image_paths)
    if flip is not None:
        frames.check_flip(flip)
    cameras = camera_paths or [None] * len(image_paths)
    masks = mask_paths or [None] * len(image_paths)
    found = [
        _load(*paths, intensity, flip) for paths in zip(image_paths, cameras, masks, strict=True)
    ]
    views, carm_views = zip(*found, strict=True)
    references = {v.reference for v in carm_views}
    if len(views) > 1:
        for path, carm_view in zip(camera_paths or image_paths, carm_views, strict=True):
            if carm_view.camera_from_reference is None:
                raise InputError(
                    f'{path}: camera_from_reference is missing: with several images each camera '
                    'must say where it is'
                )
        if len(references) > 1:
            raise InputError(
                f'the cameras are placed relative to {" and ".join(sorted(references))}: give '
                'files that share one reference'
            )
    texts = [f'{path}: {v.text}' for path, v in zip(image_paths, carm_views, strict=True)]
    return ViewFiles(list(views), references.pop(), texts)


def file_of(path):
    """Return the file of a path such as run.dcm#12."""
    return split_name(path)[0]


def _check_number(name, paths, image_paths):
    if paths and len(paths) != len(image_paths):
        raise InputError(
            f'{len(image_paths)} images but {len(paths)} {name}s: give one {name} for each image, '
            'in the same order, or none'
        )


def _load(image_path, camera_path, mask_path, intensity, flip):
    """Return (View, CarmView it was made of)."""
    if camera_path is None:
        picture, carm_view = _with_geometry(image_path)
    else:
        picture = read_picture(image_path)
        carm_view = replace(open_view(camera_path, picture.grid), pixels=picture.pixels)
    flip = flip or carm_view.flip or picture.flip or ('none' if picture.plain else None)
    intensity = intensity or picture.intensity or ('raw' if picture.plain else None)
    if flip is None:
        raise InputError(
            f'{image_path}: does not say whether it is mirrored ({carm_view.text}): give '
            '--image-flip horizontal if it is displayed as seen from the detector, as angiograms '
            'are, or none'
        )
    if intensity is None:
        raise InputError(
            f'{image_path}: does not say how its pixels relate to X-rays: give --intensity raw, '
            'log or inverted'
        )
    mask = frames.flip_image(load_mask(mask_path), flip) if mask_path else None
    carm_view = replace(carm_view, flip=flip).unflipped()
    pose = carm_view.camera_from_reference
    if pose is None:
        carm_view = replace(carm_view, reference=WORLD)
        pose = np.eye(4)  # the reference is the camera itself
    try:
        pixels = line_integrals(carm_view.pixels, intensity)
        return View(pixels, carm_view.camera, pose, mask), carm_view
    except InputError as error:
        named = str(image_path) in str(error)
        raise InputError(str(error) if named else f'{image_path}: {error}') from None


def _with_geometry(image_path):
    """Read an X-ray that holds its own geometry; return (Picture, CarmView)."""
    if not holds_geometry(image_path):
        raise InputError(f'{image_path}: holds no geometry: give its --camera')
    carm_view = open_view(image_path)
    if carm_view.pixels is None:
        raise InputError(f'{image_path}: holds no pixels: give it as --camera, beside an --image')
    return Picture(carm_view.pixels, carm_view.intensity, carm_view.flip), carm_view
