"""Pictures of a registration: they show what they say, at the right place."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import pyvista as pv

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration import pictures, scene_picture


@pytest.fixture
def view():
    sphere = pv.Sphere(radius=0.08, theta_resolution=20, phi_resolution=20)
    carm_from_ct = frames.carm_from_ct_at('AP', np.zeros(3), 0.7)
    xray = np.zeros((64, 64), np.float32)
    xray[:32, :32] = 1
    return scene_picture.SceneView(
        vertices=np.asarray(sphere.points, np.float32),
        triangles=sphere.regular_faces.astype(np.int32),
        start=se3.exp([0.03, 0.02, 0, 0, 0, 0.2]),
        estimate=np.eye(4),
        truth=np.eye(4),
        shots=[se3.inverse(carm_from_ct)],
        track=np.array([[0.0, -0.7, 0], [0.1, -0.7, 0]]),
        shown=0,
        xray=xray,
        camera=PinholeCamera.from_carm(64, 64, 1000, 5.0),
        sdd_m=1.0,
    )


def test_scene_shows_bone_beam_and_xray(tmp_path, view):
    scene_picture.scene_3d(tmp_path / 'scene.png', view)
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / 'scene.png')), cv2.COLOR_BGR2RGB)
    hue, saturation, value = np.moveaxis(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV), -1, 0)
    yellow = (abs(hue.astype(int) - 24) < 5) & (saturation > 150)
    black = value < 15
    assert yellow.mean() > 1e-3  # source, beam, frame of the detector
    assert black.mean() > 5e-3  # the three dark quarters of the X-ray
    # AP: the source is in front of the patient, so the detector is behind: right in the picture.
    assert np.median(np.nonzero(black)[1]) > picture.shape[1] / 2


def test_xray_lies_on_the_detector_as_it_was_taken(view):
    """The first pixel is at the patient's right and at the head, as seen by the source."""
    corners = view.camera.corners(view.sdd_m)
    first = se3.apply(view.shots[0], corners[0])
    assert first[0] < -0.15
    assert first[2] > 0.15
    centre_of_first_pixel = corners[0] + view.sdd_m * np.array(
        [0.5 / view.camera.fx, 0.5 / view.camera.fy, 0]
    )
    np.testing.assert_allclose(view.camera.project(centre_of_first_pixel), [0, 0], atol=1e-9)


def test_a_renderer_that_dies_is_a_sentence_not_a_crash(tmp_path, view):
    broken = replace(view, triangles=None)
    with pytest.raises(InputError, match='no 3D picture'):
        scene_picture.scene_3d(tmp_path / 'scene.png', broken)


def test_before_and_after_stand_side_by_side(tmp_path):
    red, blue = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = blue[..., 2] = 255
    path = tmp_path / 'pair.png'
    pair = pictures.before('X-ray 1', red, 20.0), pictures.after('X-ray 1', blue, 0.1)
    pictures.side_by_side(path, [pair])
    left, right = np.array_split(cv2.imread(str(path)), 2, axis=1)
    assert (left[..., 2] > 250).sum() > 0.6 * left[..., 0].size
    assert (right[..., 0] > 250).sum() > 0.6 * right[..., 0].size
    assert ((left == [0, 0, 255]).all(-1)).mean() > 0.6
    assert ((right == [255, 0, 0]).all(-1)).mean() > 0.6
