import numpy as np
import pytest

from surgical_perception.geometry import se3
from xray_registration.alignment import aligned_in_plane
from xray_registration.config import MultistartConfig
from xray_registration.drr import render
from xray_registration.solvers.multistart import turned_starts


def test_starts_stay_in_the_box_and_fill_it(carm_from_ct, volumes):
    config = MultistartConfig(rotation_deg=30.0, depth_mm=50.0)
    centre = se3.apply(carm_from_ct, volumes.isocentre_m)
    twists = []
    for pose in turned_starts(carm_from_ct, volumes.isocentre_m, config, 64):
        shift = se3.apply(pose, volumes.isocentre_m) - centre
        turn = np.rad2deg(se3.log(pose @ se3.inverse(carm_from_ct))[3:])
        twists.append([*(1e3 * shift), *turn])
    twists = np.array(twists)
    assert np.abs(twists[:, :2]).max() < 1e-9
    assert np.abs(twists[:, 2]).max() <= 50
    assert np.abs(twists[:, 3:]).max() <= 30
    assert twists[:, 2:].max(0) == pytest.approx([50, 30, 30, 30], rel=0.1)
    assert twists[:, 2:].min(0) == pytest.approx([-50, -30, -30, -30], rel=0.1)


def test_starts_repeat_by_seed(carm_from_ct, volumes):
    def poses(seed):
        config = MultistartConfig(seed=seed)
        return np.array(list(turned_starts(carm_from_ct, volumes.isocentre_m, config, 5)))

    assert np.array_equal(poses(1), poses(1))
    assert not np.array_equal(poses(1), poses(2))


@pytest.mark.parametrize('shift_mm', [(40, 0), (0, -35), (-25, 30), (0, 0)])
@pytest.mark.parametrize('masked', [False, True])
def test_a_shift_in_the_image_plane_is_found(volumes, camera, carm_from_ct, shift_mm, masked):
    volume, coarse = volumes.at(6.0), camera.binned(4)

    def draw(wide, pose):
        return render(volume, wide, pose).image[0]

    fixed, mask = draw(coarse, carm_from_ct), np.ones((32, 32), bool)
    if masked:
        fixed = fixed.copy()
        fixed[8:14, 10:16], mask[8:14, 10:16] = 50.0, False
    moved = carm_from_ct.copy()
    moved[:2, 3] += 1e-3 * np.array(shift_mm)
    found, score = aligned_in_plane(fixed, mask, coarse, moved, volumes.isocentre_m, 0.05, draw)
    depth_m = se3.apply(carm_from_ct, volumes.isocentre_m)[2]
    pixel_m = depth_m / coarse.fx
    assert np.abs(found[:3, 3] - carm_from_ct[:3, 3]).max() < 0.6 * pixel_m
    assert np.array_equal(found[:3, :3], carm_from_ct[:3, :3])
    assert score > 0.95


def test_nothing_to_see_is_no_match(volumes, camera, carm_from_ct):
    coarse = camera.binned(4)
    fixed = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    _, score = aligned_in_plane(
        fixed,
        np.ones((32, 32), bool),
        coarse,
        carm_from_ct,
        volumes.isocentre_m,
        0.05,
        lambda wide, pose: np.zeros((wide.height, wide.width), np.float32),
    )
    assert score <= 0
