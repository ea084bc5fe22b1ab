"""Damaged files of every format are read as what they say, or refused in one sentence."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from carm_scenes import CAMERA, view
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xray_files import enhanced, picture, save, xray

from surgical_perception.errors import InputError
from xray_registration.intake.diffdrr import write_diffdrr
from xray_registration.intake.files import open_view, read_picture
from xray_registration.intake.mayacam import write_mayacam
from xray_registration.intake.rtk import DetectorGrid, write_rtk
from xray_registration.intake.xreg import write_xreg

SMALL = view(
    camera=replace(CAMERA, width=64, height=48, cx=30.5, cy=25.25), pixels=picture(48, 64)
)
GRID = DetectorGrid(64, 48, 0.3, -0.3, -9.45, 7.05)

FORMATS = {
    'cam.txt': lambda path: write_mayacam(path, SMALL),
    'geometry.xml': lambda path: write_rtk(path, [SMALL], du_mm=0.3),
    'cam.json': lambda path: write_diffdrr(path, SMALL, sdd_mm=1000.0),
    'x.h5': lambda path: write_xreg(path, [SMALL]),
    'x.dcm': lambda path: save(path, xray(picture(12, 16))),
    'enhanced.dcm': lambda path: save(path, enhanced([(20.0, 5.0)])),
    'stack.mha': lambda path: sitk.WriteImage(
        sitk.GetImageFromArray(picture(12, 16)[None]), str(path)
    ),
}

# Where, as a share of the file, and what stands there instead of as many bytes.
DAMAGE = st.lists(
    st.tuples(st.floats(0, 0.999), st.integers(0, 8), st.binary(max_size=8)),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize('name', FORMATS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=DAMAGE)
def test_damage_is_refused_in_one_sentence(tmp_path, name, damage):
    path = tmp_path / name
    FORMATS[name](path)
    content = bytearray(path.read_bytes())
    for share, length, instead in damage:
        at = int(share * len(content))
        content[at : at + length] = instead
    path.write_bytes(bytes(content))
    try:
        if name == 'stack.mha':
            pixels = read_picture(path).pixels
        else:
            found = open_view(path, GRID)
            pixels = found.pixels
            assert found.camera.validated() is found.camera
            if found.camera_from_reference is not None:
                assert np.isfinite(found.camera_from_reference).all()
    except InputError as error:
        assert name in str(error)
        assert '\n' not in str(error)
    else:
        assert pixels is None or pixels.ndim == 2
