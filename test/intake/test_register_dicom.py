"""`surgical-perception register` on what a C-arm exports, and nothing else."""

import json

import numpy as np
import pytest
from small_ct import SPACING_MM, write_small_ct
from xray_files import save, xray

from surgical_perception import cli
from surgical_perception.evaluation import metrics
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.intake.positioner import camera_from_isocentre
from xray_registration.simulation import siddon
from xray_registration.volume.attenuation import AttenuationConfig
from xray_registration.volume.loader import load_ct

SDD_MM, SOD_MM, PIXEL_MM = 1050.0, 700.0, 2.0
CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=SDD_MM, du_mm=PIXEL_MM)

# Half a voxel of the CT: the X-rays are of its cubes, the DRRs of their interpolation.
LIMIT_MM = SPACING_MM / 2


@pytest.fixture(scope='module')
def ct_path(tmp_path_factory):
    return write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii.gz')


@pytest.fixture(scope='module')
def ct(ct_path):
    return load_ct(ct_path)


@pytest.fixture(scope='module')
def isocentre_from_ct(ct):
    """The patient is not quite at the isocentre, and not quite straight."""
    to_isocentre = se3.from_rotation_translation(np.eye(3), -ct.isocentre_m)
    return se3.exp([0.012, -0.02, 0.015, 0.04, -0.03, 0.05]) @ to_isocentre


def angiogram(path, ct, isocentre_from_ct, primary_deg, codes, mirrored):
    """Write an X-ray of the CT, stored as displayed, with the C-arm's angles in its header."""
    camera_from_isocentre_ = camera_from_isocentre(primary_deg, 0, SOD_MM * 1e-3)
    integrals = siddon.project(
        ct, CAMERA, camera_from_isocentre_ @ isocentre_from_ct, AttenuationConfig()
    )
    counts = np.round(60000 * np.exp(-integrals)).astype(np.uint16)
    stored = np.ascontiguousarray(counts[:, ::-1]) if mirrored else counts
    data = xray(
        stored,
        DistanceSourceToDetector=SDD_MM,
        DistanceSourceToPatient=SOD_MM,
        ImagerPixelSpacing=[PIXEL_MM, PIXEL_MM],
        PositionerPrimaryAngle=float(primary_deg),
        PatientOrientation=codes,
    )
    return save(path, data)


def mtre_mm(found, expected, ct):
    half = 0.06 * np.array([[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    return metrics.mtre_mm(found, expected, ct.isocentre_m + half)


def test_two_angiograms_are_all_that_is_needed(tmp_path, ct_path, ct, isocentre_from_ct):
    """Patient's left on the right of the screen: mirrored; no camera, start or intensity given."""
    shots = {'frontal.dcm': (-15, ['L', 'F']), 'lateral.dcm': (80, ['P', 'F'])}
    images = [
        angiogram(tmp_path / name, ct, isocentre_from_ct, angle, codes, mirrored=True)
        for name, (angle, codes) in shots.items()
    ]
    words = ['register', '--ct', ct_path, '--image', *images, '--out', tmp_path / 'out']
    assert cli.main(list(map(str, words))) == 0
    result = json.loads((tmp_path / 'out/result.json').read_text())
    assert result['status'] == 'OK', result['reason']
    assert (
        mtre_mm(np.reshape(result['reference_from_ct'], (4, 4)), isocentre_from_ct, ct) < LIMIT_MM
    )
    assert 'RAO 15' in result['geometry'][0]
    assert 'flip horizontal' in result['geometry'][1]


def test_the_angle_is_the_start(tmp_path, ct_path, ct, isocentre_from_ct):
    """One oblique shot, seen from the source: no search would begin near it."""
    image = angiogram(tmp_path / 'x.dcm', ct, isocentre_from_ct, 45, ['R', 'F'], mirrored=False)
    words = ['register', '--ct', ct_path, '--image', image, '--out', tmp_path / 'out']
    assert cli.main(list(map(str, words))) == 0
    result = json.loads((tmp_path / 'out/result.json').read_text())
    assert result['status'] == 'OK', result['reason']
    assert (
        mtre_mm(np.reshape(result['reference_from_ct'], (4, 4)), isocentre_from_ct, ct)
        < 2 * LIMIT_MM
    )
