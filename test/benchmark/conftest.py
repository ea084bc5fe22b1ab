"""What the benchmark's tests share: a small CT, and small X-rays that are quick to project."""

import pytest
from small_ct import write_small_ct

from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.benchmark import make_cases, xrays


@pytest.fixture(scope='session')
def ct_path(tmp_path_factory):
    return write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii.gz')


@pytest.fixture(scope='session')
def small_camera():
    """Make X-rays of 64x64 pixels over the same field."""
    camera = PinholeCamera.from_carm(64, 64, sdd_mm=xrays.SDD_MM, du_mm=4 * 1.16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xrays, 'CAMERA', camera)
        yield camera


@pytest.fixture(scope='session')
def cases(ct_path, small_camera, tmp_path_factory):
    """Two cases of two starts around AP, and one from anywhere without a start."""
    out = tmp_path_factory.mktemp('cases')
    make_cases.run(ct_path, out, ['standard'], count=2, per_pose=2, seed=1)
    make_cases.run(ct_path, out, ['training-range'], count=1, seed=1)
    return out
