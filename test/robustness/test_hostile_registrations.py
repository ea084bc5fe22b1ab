"""X-rays and starts that pass every message check, given to the real registration."""

import numpy as np
import pytest
from small_ct import write_small_ct

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.config import RegistrationConfig
from xray_registration.pipeline import RegistrationPipeline
from xray_registration.result import Verdict
from xray_registration.views import View, line_integrals
from xray_registration.volume.loader import load_ct

USUAL = PinholeCamera.from_carm(96, 96, sdd_mm=1020, du_mm=3.1)
CAMERAS = {
    'usual': USUAL,
    'nearly half a sphere': PinholeCamera(96, 96, 4.0, 4.0, 47.5, 47.5),
    'nearly parallel': PinholeCamera(96, 96, 9e4, 9e4, 47.5, 47.5),
}


@pytest.fixture(scope='module')
def pipeline(tmp_path_factory):
    ct = load_ct(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii'))
    return RegistrationPipeline(ct, RegistrationConfig(init='start', timeout_s=10.0))


@pytest.fixture(scope='module')
def standard(pipeline):
    return frames.carm_from_ct_at('AP', pipeline.ct.isocentre_m, 0.75)


def moved(pose, translation_m):
    out = pose.copy()
    out[:3, 3] = translation_m
    return out


def noise(camera):
    counts = np.random.default_rng(0).integers(1, 60000, (camera.height, camera.width))
    return counts.astype(np.uint16)


@pytest.mark.parametrize('camera', CAMERAS.values(), ids=CAMERAS)
@pytest.mark.parametrize(
    'pixels',
    [noise, lambda c: noise(c) * 0 + 7, lambda c: np.eye(c.height, c.width, dtype=np.uint16) + 1],
    ids=['noise', 'constant', 'a line'],
)
def test_images_of_nothing_are_rejected_with_finite_numbers(pipeline, standard, camera, pixels):
    result = pipeline.register([View(line_integrals(pixels(camera), 'raw'), camera)], standard)
    assert result.verdict is Verdict.REJECTED and result.reason
    assert np.isfinite(result.reference_from_ct).all()


@pytest.mark.parametrize(
    'place_m',
    [(0, 0, 750.0), (0, 0, -0.75), (0, 0, 0.02), (5.0, 0, 0.75), (0, 0, 9e7)],
    ids=['in millimetres', 'behind the source', 'around the source', 'beside', 'at the moon'],
)
def test_starts_from_which_nothing_is_seen_are_rejected(pipeline, standard, place_m):
    truth = pipeline.drr(USUAL, standard)
    result = pipeline.register([View(truth, USUAL)], moved(standard, place_m))
    assert result.verdict is Verdict.REJECTED and result.reason


def test_a_start_beyond_all_reason_is_refused(pipeline, standard):
    views = [View(pipeline.drr(USUAL, standard), USUAL)]
    with pytest.raises(InputError, match='e\\+299 m away'):
        pipeline.register(views, moved(standard, (0, 0, 7e299)))


@pytest.mark.parametrize('size', [(1, 1), (200, 1), (2, 300), (7, 7), (65, 8)])
def test_an_image_too_small_or_narrow_is_refused(size):
    with pytest.raises(InputError, match='too small or too narrow'):
        View(np.ones(size[::-1], np.float32), PinholeCamera(*size, 300.0, 300.0, 0.0, 0.0))


@pytest.mark.parametrize('top', [2e9, 3e38])
def test_an_image_whose_squares_leave_float32_is_refused(top):
    image = np.ones((96, 96), np.float32)
    image[3, 4] = top
    with pytest.raises(InputError, match='no line integrals'):
        View(image, USUAL)
