"""Two camera_info make one stereo camera, or a reason why not."""

from types import SimpleNamespace

import numpy as np
import pytest

from surg_invnerf.stereo.validation import stereo_camera_from_infos
from surgical_perception.errors import InputError


def info(shift=0.0, width=640, height=512, fx=577.0, fy=577.0, cx=321.0, cy=254.0, **changes):
    p = [fx, 0, cx, shift, 0, fy, cy, 0, 0, 0, 1, 0]
    fields = {'width': width, 'height': height, 'k': [9.0] * 9, 'd': [0.1] * 5, 'p': p}
    return SimpleNamespace(**{**fields, **changes})


def test_a_rectified_pair_is_a_stereo_camera():
    camera = stereo_camera_from_infos(info(), info(-577.0 * 0.0045))
    assert camera.baseline_m == pytest.approx(0.0045)
    assert camera.right_cx is None
    assert (camera.left.fx, camera.left.cx, camera.left.cy) == (577, 321, 254)


def test_eyes_that_converge_have_a_right_cx_of_their_own():
    camera = stereo_camera_from_infos(info(), info(-577.0 * 0.0045, cx=350.0))
    assert camera.right_cx == 350
    # The point at 60 mm on the left axis: x_right = -B, so u_right = cx_right - f B / z.
    u_right = 350 - 577 * 0.0045 / 0.06
    assert camera.depth_from_disparity(321 - u_right) == pytest.approx(0.06, rel=1e-6)


@pytest.mark.parametrize(
    ('left', 'right', 'words'),
    [
        (info(-2.6), info(), 'left/right swapped'),
        (info(), info(2.6), 'left/right swapped'),
        (info(), info(0.0), 'left/right swapped'),
        (info(), info(-577 * 4.5), 'millimetres'),
        (info(), info(-577 * 4.5e-4), 'baseline'),
        (info(), info(-2.6, height=480), '640x480'),
        (info(), info(-2.6, cy=250.0), 'cy is 254 px left and 250 px right'),
        (info(), info(-2.6, fx=580.0), 'fx is 577 px left and 580 px right'),
        (info(), info(-2.6, p=[0.0] * 12), 'right camera_info has no projection matrix'),
        (info(p=[]), info(-2.6), 'left camera_info has no projection matrix'),
        (info(cx=-90.0), info(-2.6), 'left camera_info: the principal point'),
        (info(), info(np.nan), 'nan'),
    ],
)
def test_what_is_no_pair_is_refused_with_the_reason(left, right, words):
    with pytest.raises(InputError, match=words):
        stereo_camera_from_infos(left, right)


def test_a_wide_baseline_is_a_warning():
    with pytest.warns(UserWarning, match=r'20\.0 mm'):
        assert stereo_camera_from_infos(info(), info(-577 * 0.02)).baseline_m == pytest.approx(
            0.02
        )
