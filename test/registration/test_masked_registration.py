"""An obstructed X-ray registers by itself; without its mask it does not."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from surgical_perception.evaluation.metrics import mtre_mm
from surgical_perception.geometry import se3
from xray_registration.config import MaskConfig
from xray_registration.registration import register
from xray_registration.simulation import obstructions
from xray_registration.views import View


@pytest.fixture(scope='module', params=['leaves', 'implants'])
def obstructed(request, xray, camera):
    """The phantom's X-ray behind a collimator or metal, with the true mask."""
    rng = np.random.default_rng(3)
    image, where = obstructions.obstruct(xray, obstructions.preset(request.param), rng)
    return View(image.astype(np.float32), camera, mask=binary_erosion(~where, border_value=1))


def test_the_automatic_mask_registers_as_the_true_one(
    obstructed, ct, volumes, carm_from_ct, config, bone_points
):
    start = se3.perturb(
        np.array([0.01, -0.012, 0.02, 0.08, -0.06, 0.05]),
        carm_from_ct,
        se3.apply(carm_from_ct, ct.isocentre_m),
    )
    bare = dataclasses.replace(obstructed, mask=None)
    errors = []
    for view, automatic in ((obstructed, False), (bare, True), (bare, False)):
        settings = dataclasses.replace(config, masks=MaskConfig(automatic=automatic))
        result = register([view], volumes, start, settings)
        errors.append(mtre_mm(result.reference_from_ct, carm_from_ct, bone_points))
    given, automatic, none = errors
    assert automatic < given + 0.5
    assert none > 2 * automatic
