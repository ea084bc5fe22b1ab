"""benchmarks/wrist_cases.py: the folders hold what the data set holds, and are not made twice."""

import sys
from pathlib import Path

import numpy as np
import pytest

from surgical_perception.evaluation.metrics import mtre_mm
from surgical_perception.geometry import se3
from xray_registration.benchmark.case_folder import find_cases, read_case
from xray_registration.volume.loader import load_ct

# Near where the search for the radius ends; a search of its own takes 10 s.
POSE = se3.from_rotation_translation(
    [[-0.99489, 0.09901, 0.01964], [0.01474, -0.04999, 0.99864], [0.09986, 0.99383, 0.04827]],
    [0.1197, 0.1185, 0.0701],
)


@pytest.fixture(scope='module')
def made(data_dir, tmp_path_factory):
    """One bone at one instant; and the script, which has left them."""
    if not (data_dir / 'wrist_biplane').is_dir():
        pytest.skip('the real data hold no wrist_biplane')
    out = tmp_path_factory.mktemp('wrist')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / 'benchmarks')
        import wrist_cases

        patch.setattr(wrist_cases, 'BONES', ['radius'])
        patch.setattr(wrist_cases, 'INSTANTS', ['0099'])
        patch.setattr(wrist_cases, '_consensus', lambda bone, instant: POSE)
        patch.setattr(sys, 'argv', ['', '--out', str(out), '--starts', '3'])
        wrist_cases.main()
        before = sorted((path, path.stat().st_mtime_ns) for path in out.rglob('*'))
        wrist_cases.main()
        assert sorted((path, path.stat().st_mtime_ns) for path in out.rglob('*')) == before
        yield out


def test_every_stack_is_loaded_as_it_was(made):
    from wrist_data import STACKS, load_bone

    for name in STACKS:
        stack, ct = load_bone(name), load_ct(made / f'{name}.nii.gz')
        assert not ct.is_hu
        np.testing.assert_array_equal(ct.hu, stack.hu)
        np.testing.assert_allclose(ct.ct_from_index, stack.ct_from_index, atol=1e-10)
        np.testing.assert_allclose(ct.isocentre_m, stack.isocentre_m, atol=1e-8)


def test_cases_hold_the_x_rays_their_masks_and_starts_about_the_bone(made):
    from wrist_beads import mask_without_beads
    from wrist_data import load_views

    found = [read_case(folder) for folder in find_cases([made / 'radius'])]
    assert [case.name for case in found] == ['radius/10deg-10mm-0099', 'radius/20deg-20mm-0099']
    views = load_views('0099')
    for case, limit in zip(found, (10, 20), strict=True):
        truth, ct = case.truth, load_ct(case.ct_path)
        assert truth.ct_sha256 == ct.sha256 and truth.region == 'projection'
        assert truth.group == f'wrist, {limit} deg / {limit} mm'
        for view, expected in zip(case.views, views, strict=True):
            np.testing.assert_array_equal(view.image, expected.image)
            assert view.camera == expected.camera
            pose = expected.camera_from_reference
            np.testing.assert_allclose(view.camera_from_reference, pose, atol=1e-12)
        np.testing.assert_array_equal(case.views[1].mask, mask_without_beads(views[1]))
        np.testing.assert_allclose(truth.reference_from_ct, POSE, atol=1e-5)
        first = case.views[0].camera_from_reference
        centre = se3.apply(first @ POSE, ct.isocentre_m)
        assert truth.sdd_mm == pytest.approx(1e3 * centre[2])
        assert len(truth.starts) == 3 and len(truth.points_m) == 500
        for start in truth.starts:
            shift = se3.apply(first @ start, ct.isocentre_m) - centre
            # A twist's shift runs along an arc, and so leaves the range by some percent.
            assert 0 < np.abs(shift).max() <= 1.1e-3 * limit
            assert mtre_mm(start, POSE, truth.points_m) > 1
