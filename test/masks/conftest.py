"""X-rays without anything in the beam: of a made-up body, and of a real CT."""

import sys
from pathlib import Path

import numpy as np
import pytest

# The registration node's harness serves here too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'node'))

from xray_bodies import SIZE

from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import render
from xray_registration.volume.attenuation import attenuation_from_ct
from xray_registration.volume.loader import load_ct


@pytest.fixture(scope='session')
def pelvis_xrays(data_dir):
    """Line integrals [3, H, W] of a real CT from three directions."""
    ct = load_ct(str(data_dir / 'pelvis_ct' / 'example_ct.nii.gz'))
    volume = attenuation_from_ct(ct).resampled(1.5e-3)
    camera = PinholeCamera.from_carm(SIZE, SIZE, sdd_mm=1020.0, du_mm=1.16)
    poses = []
    for twist in ([0.0] * 6, [0.02, 0.01, 0.03, 0.3, 0.1, 0.2], [0.0, -0.03, 0.0, 0.0, 0.6, 0.0]):
        pose = frames.carm_from_ct_at('AP', ct.isocentre_m, 0.7)
        poses.append(se3.perturb(np.array(twist), pose, se3.apply(pose, ct.isocentre_m)))
    return np.concatenate([render(volume, camera, pose).image for pose in poses])
