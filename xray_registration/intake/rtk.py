"""
RTK's geometry files (ThreeDCircularProjectionGeometry, XML).

Source: RTK's documentation of its 3D circular geometry, after IEC 61217.  The source is at
z = SID of a frame that turns with the gantry and looks down; u runs along x, v along y:

    turned_from_fixed = Rz(-InPlane) Rx(-OutOfPlane) Ry(-Gantry)
    u = SourceOffsetX - ProjectionOffsetX + SDD (x - SourceOffsetX) / (SID - z), v likewise

v runs up where our rows run down, so a projection whose rows follow v is stored upside down:
`flip` is 'vertical'.  The XML knows no pixels: theirs are in the header of the projections.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.intake.carm_view import CarmView

ROOT = 'RTKThreeDCircularGeometry'
_VERSIONS = ('2', '3')
_MAX_BYTES = 2**26

_DISTANCES = ('SourceToIsocenterDistance', 'SourceToDetectorDistance')
_ANGLES = ('InPlaneAngle', 'OutOfPlaneAngle', 'GantryAngle')
_OFFSETS = ('SourceOffsetX', 'SourceOffsetY', 'ProjectionOffsetX', 'ProjectionOffsetY')

# Metres, and the 0 of parallel rays, lie outside of it.
_DISTANCE_MM = (100.0, 5000.0)

# Files hold nine digits or more; a larger difference is another geometry, or edited numbers.
_SAME_MATRIX = 1e-4

# Our image has x right and y down, seen from the source: the turned frame after half a turn.
_CAMERA_FROM_TURNED = np.diag([1.0, -1.0, -1.0])

# Signs of the steps of u along columns and of v along rows -> how the image is stored.
_FLIPS = {(1, -1): 'none', (1, 1): 'vertical', (-1, -1): 'horizontal', (-1, 1): 'both'}


@dataclass(frozen=True)
class DetectorGrid:
    """Pixels of a projection: how many, their steps (with sign) and the first one's place (mm)."""

    width: int
    height: int
    du_mm: float
    dv_mm: float
    u0_mm: float
    v0_mm: float


def read_rtk(path, grid):
    """
    Read an RTK geometry; return a CarmView without pixels for each projection.

    `grid` is the DetectorGrid of the projections.  The reference is RTK's fixed frame, in mm in
    the file.  Raises InputError, naming the file and the projection.
    """
    path = Path(path)
    return [
        _view(f'{path}: projection {index}', values, matrix, grid)
        for index, (values, matrix) in enumerate(_projections(path))
    ]


def write_rtk(path, views, du_mm):
    """
    Write CarmViews as an RTK geometry; return the DetectorGrid for their unflipped pixels.

    `du_mm` is the pixel size along a row, from which SDD follows.  Raises InputError where the
    views do not share one detector.
    """
    root = ET.Element(ROOT, version='3')
    grids = {_write_view(root, view.unflipped(), du_mm) for view in views}
    if len(grids) != 1:
        raise InputError(
            f'{path}: an RTK geometry has one detector, these views have {len(grids)}'
        )
    ET.indent(root)
    body = ET.tostring(root, encoding='unicode')
    Path(path).write_text(f'<?xml version="1.0"?>\n<!DOCTYPE RTKGEOMETRY>\n{body}\n', 'ascii')
    return grids.pop()


def projection_matrix(values):
    """Return RTK's own matrix [3, 4], fixed frame (mm) to (u, v, 1) (mm), from its parameters."""
    source = np.array([values['SourceOffsetX'], values['SourceOffsetY']])
    shift = source - [values['ProjectionOffsetX'], values['ProjectionOffsetY']]
    sid, sdd = (values[name] for name in _DISTANCES)
    magnify = np.array([[-sdd, 0, 0, 0], [0, -sdd, 0, 0], [0, 0, 1, -sid]])
    on_detector, to_source, turn = np.eye(3), np.eye(4), np.eye(4)
    on_detector[:2, 2] = shift
    to_source[:2, 3] = -source
    turn[:3, :3] = _turned_from_fixed(values)
    return on_detector @ magnify @ to_source @ turn


def _turned_from_fixed(values):
    angles = [-values[name] for name in _ANGLES]
    return Rotation.from_euler('ZXY', angles, degrees=True).as_matrix()


def _view(name, values, matrix, grid):
    for key in _DISTANCES:
        if not _DISTANCE_MM[0] <= values[key] <= _DISTANCE_MM[1]:
            raise InputError(
                f'{name}: {key} is {values[key]:g} mm, expected {_DISTANCE_MM[0]:g} to '
                f'{_DISTANCE_MM[1]:g}: parallel rays and other units are not read'
            )
    expected = projection_matrix(values)
    if matrix is not None:
        scale = np.abs(expected).max(1, keepdims=True)
        if np.abs((matrix - expected) / scale).max() > _SAME_MATRIX:
            raise InputError(
                f'{name}: the matrix is not the one that angles, distances and offsets give: '
                'write the geometry again by RTK'
            )
    sid, sdd = (values[key] for key in _DISTANCES)
    principal_u = values['SourceOffsetX'] - values['ProjectionOffsetX']
    principal_v = values['SourceOffsetY'] - values['ProjectionOffsetY']
    try:
        camera = PinholeCamera(
            grid.width,
            grid.height,
            sdd / abs(grid.du_mm),
            sdd / abs(grid.dv_mm),
            (principal_u - grid.u0_mm) / grid.du_mm,
            (principal_v - grid.v0_mm) / grid.dv_mm,
        ).validated()
    except InputError as error:
        raise InputError(f'{name}: {error}') from None
    source_mm = np.array([values['SourceOffsetX'], values['SourceOffsetY'], sid])
    pose = se3.from_rotation_translation(
        _CAMERA_FROM_TURNED @ _turned_from_fixed(values), -_CAMERA_FROM_TURNED @ source_mm * 1e-3
    )
    flip = _FLIPS[int(np.sign(grid.du_mm)), int(np.sign(grid.dv_mm))]
    text = f'RTK geometry, gantry at {values["GantryAngle"]:g} degrees; flip {flip}'
    return CarmView(camera, pose, flip=flip, text=text)


def _write_view(root, view, du_mm):
    """Append a Projection; return the DetectorGrid that belongs to it."""
    camera, pose = view.camera, view.camera_from_reference
    turned_from_fixed = _CAMERA_FROM_TURNED @ pose[:3, :3]
    angles = Rotation.from_matrix(turned_from_fixed).as_euler('ZXY', degrees=True)
    source_mm = -_CAMERA_FROM_TURNED @ pose[:3, 3] * 1e3
    dv_mm = -round(camera.fx / camera.fy * du_mm, 9)
    u0_mm, v0_mm = -du_mm * (camera.width - 1) / 2, -dv_mm * (camera.height - 1) / 2
    values = dict(zip(_ANGLES, -angles, strict=True)) | {
        'SourceToIsocenterDistance': source_mm[2],
        'SourceToDetectorDistance': camera.fx * du_mm,
        'SourceOffsetX': source_mm[0],
        'SourceOffsetY': source_mm[1],
        'ProjectionOffsetX': source_mm[0] - u0_mm - camera.cx * du_mm,
        'ProjectionOffsetY': source_mm[1] - v0_mm - camera.cy * dv_mm,
    }
    projection = ET.SubElement(root, 'Projection')
    for name, value in values.items():
        ET.SubElement(projection, name).text = repr(float(value))
    rows = [' '.join(repr(float(x)) for x in row) for row in projection_matrix(values)]
    ET.SubElement(projection, 'Matrix').text = '\n'.join(rows)
    return DetectorGrid(camera.width, camera.height, du_mm, dv_mm, u0_mm, v0_mm)


def _projections(path):
    """Yield (values by name, matrix or None); what is not said again stays, as in RTK's reader."""
    root = _root(path)
    values = dict.fromkeys([*_DISTANCES, *_ANGLES, *_OFFSETS], 0.0)
    values |= _values(path, root)
    found = root.findall('Projection')
    if not found:
        raise InputError(f'{path}: holds no projection')
    for element in found:
        values = values | _values(path, element)
        text = element.findtext('Matrix')
        matrix = None if text is None else _numbers(path, 'Matrix', text)
        if matrix is not None and len(matrix) != 12:
            raise InputError(f'{path}: a Matrix has {len(matrix)} numbers, expected 12')
        yield values, None if matrix is None else np.reshape(matrix, (3, 4))


def _root(path):
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f'{path}: is too large for a geometry')
        text = path.read_text(encoding='utf-8')
        # Entities, which RTK never writes, can blow a small file up to fill the memory.
        if '<!ENTITY' in text:
            raise InputError(f'{path}: declares entities, which no geometry of RTK does')
        root = ET.fromstring(text)
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise InputError(f'{path}: is no XML: {error}') from None
    if root.tag != ROOT or root.get('version') not in _VERSIONS:
        raise InputError(
            f'{path}: begins with {root.tag} version {root.get("version")}, expected {ROOT} of '
            f'version {" or ".join(_VERSIONS)}: write the geometry again by RTK'
        )
    return root


def _values(path, element):
    known = {*_DISTANCES, *_ANGLES, *_OFFSETS}
    found = {}
    for child in element:
        if child.tag == 'RadiusCylindricalDetector' and _one(path, child) != 0:
            raise InputError(f'{path}: the detector is a cylinder, expected a flat one')
        if child.tag in known:
            found[child.tag] = _one(path, child)
    return found


def _one(path, element):
    numbers = _numbers(path, element.tag, element.text or '')
    if len(numbers) != 1:
        raise InputError(f'{path}: {element.tag} is {element.text!r}, expected one number')
    return float(numbers[0])


def _numbers(path, name, text):
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError:
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise InputError(f'{path}: {name} is not made of finite numbers')
    return numbers
