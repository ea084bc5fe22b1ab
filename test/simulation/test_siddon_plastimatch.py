"""Siddon against plastimatch's exact projector, where that program is installed (Debian)."""

import shutil
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.simulation.siddon import project
from xray_registration.volume.attenuation import AttenuationConfig
from xray_registration.volume.ct_image import CtImage

MU_WATER_PER_M = 20.0
SAD_MM, SID_MM, PIXEL_MM = 600.0, 1000.0, 1.5
X0_MM, Y0_MM = 6.0, -10.5


def blobs():
    """A CT of smooth random tissue with steps in it; spacing 2.0, 2.5, 3.0 mm, aligned axes."""
    rng = np.random.default_rng(3)
    smooth = gaussian_filter(rng.standard_normal((40, 44, 48)), 3.0)
    hu = np.where(smooth > 0.01, 800, np.where(smooth > -0.02, 0, -1000)).astype(np.float32)
    # An air margin, because plastimatch's volume ends at the centres of its outermost voxels.
    hu[[0, -1]] = hu[:, [0, -1]] = hu[:, :, [0, -1]] = -1000
    affine = np.diag([2.0e-3, 2.5e-3, 3.0e-3, 1.0])
    affine[:3, 3] = [0.010, -0.200, 0.050]
    return CtImage(hu, affine, 'synthetic', '')


def plastimatch_drr(ct, camera, isocentre_m, folder):
    """Line integrals of an AP view; plastimatch wants 1/cm and columns before rows."""
    mu_per_cm = (1 + ct.hu / 1000) * MU_WATER_PER_M / 100
    image = sitk.GetImageFromArray(mu_per_cm.astype(np.float32))
    image.SetSpacing((ct.spacing_m * 1e3).tolist())
    image.SetOrigin((ct.ct_from_index[:3, 3] * 1e3).tolist())
    sitk.WriteImage(image, str(folder / 'mu.mha'))
    numbers = {
        '--nrm': (0, -1, 0),  # from the detector to the source, which is in front of the patient
        '--vup': (0, 0, 1),
        '--sad': (SAD_MM,),
        '--sid': (SID_MM,),
        '--dim': (camera.width, camera.height),
        '--detector-size': (camera.width * PIXEL_MM, camera.height * PIXEL_MM),
        '--image-center': (camera.cx, camera.cy),
        '--isocenter': isocentre_m * 1e3,
    }
    arguments = [x for key, v in numbers.items() for x in (key, ' '.join(f'{n:g}' for n in v))]
    fixed = ['--hu-conversion', 'none', '--algorithm', 'exact', '--output-format', 'raw']
    subprocess.run(
        ['plastimatch', 'drr', *fixed, *arguments, '-O', folder / 'drr_', folder / 'mu.mha'],
        check=True,
        capture_output=True,
    )
    raw = np.fromfile(next(folder.glob('drr_*.raw')), np.float32)
    return raw.reshape(camera.height, camera.width)


def shift_px(a, b):
    """Shift [2] (x, y) that takes a to b, by least squares on the gradients."""
    gy, gx = np.gradient((a + b) / 2)
    return np.linalg.lstsq(np.stack([gx.ravel(), gy.ravel()], 1), (a - b).ravel(), rcond=None)[0]


@pytest.mark.skipif(shutil.which('plastimatch') is None, reason='plastimatch is not installed')
def test_it_agrees_with_plastimatch(tmp_path):
    ct = blobs()
    camera = PinholeCamera.from_carm(120, 110, SID_MM, PIXEL_MM, x0_mm=X0_MM, y0_mm=Y0_MM)
    isocentre_m = ct.isocentre_m + np.array([0.004, 0.0, -0.007])
    carm_from_ct = carm_from_ct_at('AP', isocentre_m, SAD_MM * 1e-3)
    ours = project(ct, camera, carm_from_ct, AttenuationConfig(MU_WATER_PER_M)).astype(float)
    theirs = plastimatch_drr(ct, camera, isocentre_m, tmp_path).astype(float)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9999
    assert np.linalg.norm(ours - theirs) < 1e-5 * np.linalg.norm(theirs)
    assert np.abs(shift_px(ours, theirs)).max() < 1e-3
