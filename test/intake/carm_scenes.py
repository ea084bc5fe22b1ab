"""A C-arm of no symmetry: every sign, axis and offset of a format shows."""

import numpy as np
from scipy.spatial.transform import Rotation

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.intake.carm_view import CarmView

CAMERA = PinholeCamera(640, 480, 3300.5, 3302.25, 301.5, 250.25)
CAMERA_FROM_REFERENCE = se3.from_rotation_translation(
    Rotation.from_euler('xyz', [20, -35, 50], degrees=True).as_matrix(), [0.04, -0.03, 0.81]
)
# Around the isocentre, in the reference (m).
POINTS_M = np.random.default_rng(5).uniform(-0.06, 0.06, (20, 3))


def view(**changes):
    return CarmView(
        **({'camera': CAMERA, 'camera_from_reference': CAMERA_FROM_REFERENCE} | changes)
    )


def pixels_of(carm_view, points_m=POINTS_M):
    """Project points of the reference into the stored image of a CarmView [..., 2]."""
    upright = carm_view.unflipped()
    pixels = upright.camera.project(se3.apply(upright.camera_from_reference, points_m))
    last = np.array([upright.camera.width, upright.camera.height]) - 1
    mirrored = [carm_view.flip in (axis, 'both') for axis in ('horizontal', 'vertical')]
    return np.where(mirrored, last - pixels, pixels)


def assert_same(found, expected, pixels=1e-6, metres=1e-9):
    assert (found.camera.width, found.camera.height) == (
        expected.camera.width,
        expected.camera.height,
    )
    np.testing.assert_allclose(found.camera.matrix, expected.camera.matrix, atol=pixels)
    np.testing.assert_allclose(
        found.camera_from_reference, expected.camera_from_reference, atol=metres
    )
    assert found.flip == expected.flip
