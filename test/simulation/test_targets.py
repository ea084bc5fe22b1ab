"""The benchmark's X-rays: made once, remade when a setting changes, absent data named."""

import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'benchmarks'))

import targets as t

from surgical_perception.errors import InputError
from xray_registration.simulation import degrade, siddon


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A small CT in a data folder of its own, and an empty cache."""
    hu = np.full((20, 24, 22), -1000, np.int16)
    hu[5:15, 5:18, 4:16] = 400
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(hu, affine), tmp_path / 'ct.nii.gz')
    monkeypatch.setenv('SURGICAL_PERCEPTION_DATA', str(tmp_path))
    monkeypatch.setattr(t, 'CACHE', tmp_path / 'cache')
    return t.Case('block', 'ct.nii.gz', None)


@pytest.fixture
def projections(monkeypatch):
    """The poses that are really projected."""
    made, project = [], siddon.project
    monkeypatch.setattr(siddon, 'project', lambda *a: made.append(a[2]) or project(*a))
    return made


def test_targets_are_projected_once(case, projections):
    first = t.targets(case, 2, seed=5)
    again = t.targets(case, 2, seed=5)
    assert len(projections) == 2
    np.testing.assert_array_equal(projections, first.carm_from_ct)
    for a, b in zip(first.views, again.views, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        assert np.ptp(a.image) > 0.5


def test_another_seed_is_another_target(case, projections):
    t.targets(case, 1, seed=5)
    t.targets(case, 1, seed=6)
    assert len(projections) == 2


def test_another_detector_makes_another_x_ray_of_the_same_projection(
    case, projections, monkeypatch
):
    (usual,) = t.targets(case, 1, seed=5).views
    noisy = degrade.DegradeConfig(photons=100)
    monkeypatch.setitem(degrade.PRESETS, 'standard', noisy)
    (other,) = t.targets(case, 1, seed=5).views
    assert len(projections) == 1
    assert np.abs(other.image - usual.image).max() > 0.1


def test_absent_data_are_named(case):
    with pytest.raises(InputError, match='SURGICAL_PERCEPTION_DATA'):
        t.targets(t.Case('lost', 'no/such.nii.gz', None), 1, seed=5)
