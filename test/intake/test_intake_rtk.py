"""RTK geometries: RTK's own formula, round trips, its files, and refusals."""

import re
from dataclasses import replace

import numpy as np
import pytest
from carm_scenes import CAMERA, POINTS_M, assert_same, pixels_of, view
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.intake.rtk import DetectorGrid, read_rtk, write_rtk

# What RTK's own writer makes of rtksimulatedgeometry, a version with global distances.
FILE = """<?xml version="1.0"?>
<!DOCTYPE RTKGEOMETRY>
<RTKThreeDCircularGeometry version="3">
  <SourceToIsocenterDistance>1000</SourceToIsocenterDistance>
  <SourceToDetectorDistance>1536</SourceToDetectorDistance>
  <Projection>
    <GantryAngle>{gantry}</GantryAngle>
    <OutOfPlaneAngle>{out_of_plane}</OutOfPlaneAngle>
    <InPlaneAngle>{in_plane}</InPlaneAngle>
    <SourceOffsetX>3</SourceOffsetX>
    <SourceOffsetY>-2</SourceOffsetY>
    <ProjectionOffsetX>-11</ProjectionOffsetX>
    <ProjectionOffsetY>7</ProjectionOffsetY>
  </Projection>
</RTKThreeDCircularGeometry>
"""
GRID = DetectorGrid(512, 400, 0.5, 0.51, -127.0, -121.0)


def turn(axis, degrees):
    """Rotate about an axis by elementary sines and cosines, as RTK's documentation writes them."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return {
        'x': np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        'y': np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        'z': np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def by_rtk(points_m, gantry=0.0, out_of_plane=0.0, in_plane=0.0):
    """Project by RTK's documented parameters, point by point, to (u, v) in mm on the detector."""
    x, y, z = (
        turn('z', -in_plane) @ turn('x', -out_of_plane) @ turn('y', -gantry) @ points_m.T * 1e3
    )
    magnification = 1536 / (1000 - z)
    return np.stack([3 + 11 + magnification * (x - 3), -2 - 7 + magnification * (y + 2)], -1)


def read_one(path, grid=GRID, **angles):
    values = {'gantry': 0.0, 'out_of_plane': 0.0, 'in_plane': 0.0} | angles
    path.write_text(FILE.format(**values))
    return read_rtk(path, grid)[0]


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return tmp_path_factory.mktemp('rtk') / 'geometry.xml'


@given(gantry=st.floats(-360, 360), out_of_plane=st.floats(-80, 80), in_plane=st.floats(-180, 180))
def test_pixels_are_those_of_rtks_formula(path, gantry, out_of_plane, in_plane):
    angles = {'gantry': gantry, 'out_of_plane': out_of_plane, 'in_plane': in_plane}
    uv_mm = by_rtk(POINTS_M, **angles)
    expected = (uv_mm - [GRID.u0_mm, GRID.v0_mm]) / [GRID.du_mm, GRID.dv_mm]
    np.testing.assert_allclose(pixels_of(read_one(path, **angles)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ('du_mm', 'dv_mm', 'flip'),
    [
        (0.5, 0.51, 'vertical'),
        (0.5, -0.51, 'none'),
        (-0.5, 0.51, 'both'),
        (-0.5, -0.51, 'horizontal'),
    ],
)
def test_direction_of_the_detector_is_its_flip(path, du_mm, dv_mm, flip):
    """Rows that follow v run upwards: such a picture is upside down."""
    first = [-127.0 if du_mm > 0 else 128.5, -121.0 if dv_mm > 0 else 88.4]
    grid = DetectorGrid(512, 400, du_mm, dv_mm, *first)
    found = read_one(path, grid, gantry=25.0, in_plane=4.0)
    assert found.flip == flip
    expected = (by_rtk(POINTS_M, gantry=25.0, in_plane=4.0) - first) / [du_mm, dv_mm]
    np.testing.assert_allclose(pixels_of(found), expected, atol=1e-6)


def test_gantry_at_0_has_the_source_above(path):
    """IEC 61217: z is up, y along the axis of the gantry; at 90 degrees the source is at +x."""
    np.testing.assert_allclose(
        read_one(path).source_in_reference_m, [0.003, -0.002, 1], atol=1e-12
    )
    turned = read_one(path, gantry=90.0).source_in_reference_m
    np.testing.assert_allclose(turned, [1, -0.002, -0.003], atol=1e-12)


def test_round_trip(tmp_path):
    """Also with sources off the isocentre, and for mirrored views, as seen from the source."""
    shots = [
        view(),
        view(camera=replace(CAMERA, cx=200.25)),
        view(flip='vertical', camera_from_reference=se3.exp([0, 0, 0.9, 2.5, 0.1, -0.4])),
    ]
    grid = write_rtk(tmp_path / 'geometry.xml', shots, du_mm=0.3)
    assert (grid.width, grid.height, grid.du_mm) == (CAMERA.width, CAMERA.height, 0.3)
    for found, shot in zip(read_rtk(tmp_path / 'geometry.xml', grid), shots, strict=True):
        assert_same(found, shot.unflipped())


def test_views_of_two_detectors_are_refused(tmp_path):
    other = view(camera=replace(CAMERA, width=CAMERA.width - 1))
    with pytest.raises(InputError, match='one detector'):
        write_rtk(tmp_path / 'geometry.xml', [view(), other], du_mm=0.3)


@pytest.fixture
def written(tmp_path):
    write_rtk(tmp_path / 'geometry.xml', [view()], du_mm=0.3)
    return tmp_path / 'geometry.xml'


BAD = {
    'empty': (lambda text: '', 'no XML'),
    'truncated': (lambda text: text[:400], 'no XML'),
    'another XML': (lambda text: '<html/>', 'begins with html'),
    'a later version': (lambda text: text.replace('"3"', '"4"'), 'version 4'),
    'no projection': (lambda text: text.replace('Projection>', 'Shot>'), 'no projection'),
    'another angle': (
        lambda text: re.sub('GantryAngle>.*<', 'GantryAngle>12<', text),
        'the matrix',
    ),
    'no number': (lambda text: text.replace('<GantryAngle>', '<GantryAngle>x'), 'GantryAngle'),
    'not finite': (lambda text: text.replace('<Matrix>', '<Matrix>nan '), 'Matrix'),
    '13 numbers': (lambda text: text.replace('<Matrix>', '<Matrix>1 '), '13 numbers'),
    'parallel': (
        lambda text: text.replace('SourceToDetectorDistance', 'Unsaid'),
        'SourceToDetectorDistance is 0 mm',
    ),
    'a cylinder': (
        lambda text: text.replace(
            '<Projection>',
            '<RadiusCylindricalDetector>900</RadiusCylindricalDetector><Projection>',
        ),
        'cylinder',
    ),
    'entities': (
        lambda text: text.replace('<!DOCTYPE RTKGEOMETRY>', '<!DOCTYPE a [<!ENTITY b "c">]>'),
        'entities',
    ),
}


@pytest.mark.parametrize('case', BAD)
def test_what_cannot_be_used_is_refused_by_name(written, case):
    change, named = BAD[case]
    written.write_text(change(written.read_text()))
    with pytest.raises(InputError, match=f'geometry.xml.*{named}'):
        read_rtk(written, GRID)


def test_a_detector_beside_the_beam_is_refused(written):
    grid = DetectorGrid(512, 400, 0.5, 0.51, 300.0, -121.0)
    with pytest.raises(InputError, match='projection 0: the principal point'):
        read_rtk(written, grid)
