"""X-rays for benchmarks: another grey scale for windowed CTs, second shots, tissue that moves."""

import numpy as np
import pytest

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.benchmark import soft_tissue
from xray_registration.benchmark.soft_tissue import SoftTissueMotion
from xray_registration.benchmark.xrays import bent, raw_counts, second_from_first
from xray_registration.simulation.degrade import DegradeConfig
from xray_registration.simulation.obstructions import ObstructionConfig
from xray_registration.volume.ct_image import CtImage

AFFINE = np.diag([4e-3, 4e-3, 4e-3, 1.0])


def test_a_windowed_ct_gets_another_grey_scale():
    values = np.array([[[0, 64, 255]]], np.uint8)
    windowed = bent(CtImage(values, np.eye(4), 'synthetic', '', None, is_hu=False)).hu.ravel()
    assert windowed[0] == 0 and windowed[2] == 1
    assert windowed[1] < 64 / 255 - 0.05
    assert bent(CtImage(values, np.eye(4), 'synthetic', '')).hu is values


def test_a_second_shot_turns_about_the_isocentre():
    for seed in range(20):
        turn = second_from_first(0.75, np.random.default_rng(seed))
        np.testing.assert_allclose(se3.apply(turn, np.array([0, 0, 0.75])), [0, 0, 0.75])
        assert 59 < np.degrees(se3.rotation_angle(turn)) < 93


def test_a_narrow_collimator_leaves_half_of_each_side():
    image = np.zeros((200, 200))
    narrow = ObstructionConfig(collimator='rectangle', opening=(0.225, 0.325))
    for seed in range(10):
        counts = raw_counts(image, DegradeConfig(), narrow, seed, 0)
        is_open = counts > 0.5 * counts.max()
        for axis in (0, 1):
            assert 0.44 < is_open.any(axis=axis).mean() < 0.66


@pytest.fixture(scope='module')
def body():
    """A cylinder of water in air, with a hollow bone of marrow in it."""
    z, y, x = np.mgrid[:40, :60, :60]
    hu = np.full(z.shape, -1000, np.int16)
    hu[(y - 30) ** 2 + (x - 30) ** 2 < 25**2] = 0
    radius2 = (y - 30) ** 2 + (x - 22) ** 2
    hu[radius2 < 64] = 800
    hu[radius2 < 25] = 80
    return CtImage(hu, AFFINE, 'body', '')


def test_bone_and_marrow_stay_and_the_rest_moves(body):
    after = soft_tissue.moved(body, SoftTissueMotion(), np.random.default_rng(1)).hu
    _, y, x = np.indices(body.hu.shape)
    inside = (y - 30) ** 2 + (x - 22) ** 2 < 64
    np.testing.assert_array_equal(after[inside], body.hu[inside])
    changed = np.abs(after - body.hu)[~inside]
    assert (changed > 1).mean() > 0.3
    assert (changed > 400).any()  # the skin, over air


def test_labels_tell_the_bones_where_there_are_any(body):
    labels = np.zeros(body.hu.shape, np.uint8)
    labels[:, :5] = 29
    named = CtImage(body.hu, AFFINE, 'body', '', labels)
    after = soft_tissue.moved(named, SoftTissueMotion(), np.random.default_rng(1)).hu
    np.testing.assert_array_equal(after[:, :5], body.hu[:, :5])
    assert (after[body.hu == 800] < 700).any()


def test_change_of_attenuation_stays_within_its_share(body):
    still = SoftTissueMotion(max_shift_mm=0.0, max_change=0.15)
    after = soft_tissue.moved(body, still, np.random.default_rng(2)).hu
    share = ((after + 1000) / np.maximum(body.hu + 1000.0, 1))[body.hu == 0]
    assert share.min() > 0.849 and share.max() < 1.151
    assert np.ptp(share) > 0.1


def test_displacement_is_smooth_and_reaches_its_limit():
    """A ramp of HU tells how far each voxel's tissue came from."""
    ramp = np.broadcast_to(np.arange(80.0) - 1000, (60, 70, 80)).astype(np.float32)
    ct = CtImage(ramp, AFFINE, 'ramp', '')
    motion = SoftTissueMotion(max_shift_mm=15.0, max_change=0.0)
    shift_mm = 4 * (soft_tissue.moved(ct, motion, np.random.default_rng(3)).hu - ramp)
    middle = shift_mm[:, :, 10:-10]  # beyond the ends the ramp ends
    assert 3 < np.abs(middle).max() <= 15.001
    assert np.abs(np.diff(middle, axis=0)).max() < 2  # of 4 mm: no folds


def test_a_ct_without_hu_has_no_soft_tissue(body):
    windowed = CtImage(body.hu, AFFINE, 'body', '', None, is_hu=False)
    with pytest.raises(InputError, match='not in HU'):
        soft_tissue.moved(windowed, SoftTissueMotion(), np.random.default_rng(0))
