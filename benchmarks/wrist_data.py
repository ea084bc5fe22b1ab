"""The `wrist_biplane` data set: real biplane X-rays of a wrist and segmented bones of its CT."""

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
from targets import CHECKOUT

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.image_files import load_xray
from xray_registration.intake.mayacam import read_mayacam
from xray_registration.views import View, line_integrals
from xray_registration.volume.ct_image import CtImage

INSTANTS = ('0002', '0099', '0158')
BONES = {'radius': 'rad_dcm_cropped.tif', 'ulna': 'uln_dcm_cropped.tif'}
# Two hand bones that are registered nowhere: networks may learn from them.
STACKS = {**BONES, 'metacarpals': 'mc2_mc3_dcm_cropped.tif'}
SPACING_MM = (0.39625, 0.39625, 0.625)

# Where the distal end and a place on the shaft of each bone were seen in (camera 1, camera 2), in
# pixels, by eye and to some millimetres: the search for the consensus begins there.
SEEN_PX = {
    ('radius', '0002'): (((900, 1225), (595, 1225)), ((905, 1650), (565, 1650))),
    ('radius', '0099'): (((845, 1215), (690, 1225)), ((888, 1650), (632, 1650))),
    ('radius', '0158'): (((840, 1210), (695, 1220)), ((882, 1650), (635, 1650))),
    ('ulna', '0002'): (((840, 1250), (745, 1240)), ((808, 1650), (742, 1650))),
    ('ulna', '0099'): (((765, 1270), (835, 1265)), ((762, 1650), (805, 1650))),
    ('ulna', '0158'): (((760, 1265), (835, 1260)), ((756, 1650), (806, 1650))),
}


def load_bone(name, spacing_mm=SPACING_MM, mirrored=False):
    """Return one of STACKS as a CtImage: grey values above a background of 0, not HU."""
    path = _folder() / 'models' / STACKS[name]
    read, pages = cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)
    if not read:
        raise InputError(f'{path}: is absent or damaged')
    values = np.stack(pages).astype(np.float32)
    if mirrored:
        values = np.ascontiguousarray(values[:, :, ::-1])
    ct_from_index = np.diag([*np.multiply(spacing_mm, 1e-3), 1.0])
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return CtImage(values, ct_from_index, str(path), sha256, is_hu=False)


def load_pixels(instant):
    """Return the two images of an instant [1760, 1760] uint8, white where nothing absorbs."""
    name = 'images/xr_data_wrist_cam0{0}/xr_rad_uln_cam0{0}_UND.{1}.tif'
    return [load_xray(_folder() / name.format(camera, instant)) for camera in (1, 2)]


def load_cameras():
    """Return the two CarmViews of the calibration; the reference is the calibration cube."""
    name = 'calibration/xr_calib_wrist_cam0{}.txt'
    return [read_mayacam(_folder() / name.format(camera)) for camera in (1, 2)]


def load_views(instant, masks=None):
    """Return the two Views of an instant."""
    masks = masks or (None, None)
    return [
        View(line_integrals(pixels, 'raw'), camera.camera, camera.camera_from_reference, mask)
        for pixels, camera, mask in zip(load_pixels(instant), load_cameras(), masks, strict=True)
    ]


def seen_in_reference_m(bone, instant):
    """Return the points [2, 3] (m) nearest to the rays through a bone's SEEN_PX."""
    return np.stack([_triangulated(pixels) for pixels in SEEN_PX[bone, instant]])


def _triangulated(pixels):
    normal, right_side = np.zeros((3, 3)), np.zeros(3)
    for view, (u, v) in zip(load_cameras(), pixels, strict=True):
        camera, reference_from_camera = view.camera, se3.inverse(view.camera_from_reference)
        ray = np.array([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, 1.0])
        ray = reference_from_camera[:3, :3] @ (ray / np.linalg.norm(ray))
        across = np.eye(3) - np.outer(ray, ray)
        normal += across
        right_side += across @ reference_from_camera[:3, 3]
    return np.linalg.solve(normal, right_side)


def _folder():
    shared = os.environ.get('SURGICAL_PERCEPTION_DATA', CHECKOUT.parent / 'shared' / 'data')
    folder = Path(shared) / 'wrist_biplane'
    if not folder.is_dir():
        raise InputError(f'{folder} is absent: set SURGICAL_PERCEPTION_DATA to the real data')
    return folder
