"""
DICOM X-rays (XA, RF, DX; single frame, multi-frame and enhanced): camera, pose, pixels.

The reference is the patient about the C-arm's isocentre: left, posterior, head (LPS), origin at
the isocentre.  Angles are good to a degree or so, and the table must not have moved between two
shots that share it: a start for a registration, not a calibration.
"""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.intake.carm_view import ISOCENTRE, CarmView
from xray_registration.intake.dicom_frame import DicomFrame
from xray_registration.intake.positioner import camera_from_isocentre, flip_and_roll, rolled

# Metres or cm, or a value that was never set, lie outside of them.
_SDD_MM = (300.0, 3000.0)
_MIN_SOURCE_TO_PATIENT_MM = 100.0
_PIXEL_MM = (0.02, 5.0)

# A beam that meets the detector at another angle has its principal point elsewhere.
_MAX_BEAM_TILT_DEG = 0.1

# (PixelIntensityRelationship, sign) -> how the pixels relate to line integrals (PS3.3 C.8.11.3).
# XA and RF have no sign: more intensity is a larger value.
_INTENSITY = {('LIN', 1): 'raw', ('LOG', 1): 'inverted', ('LOG', -1): 'log'}


def read_dicom_xray(path, frame=None):
    """
    Read an X-ray with its geometry; return a CarmView.

    `frame` counts from 0.  Pose and flip are None where the file lacks what they need.  Raises
    InputError, naming the file and the attribute.
    """
    header = DicomFrame(path, frame)
    camera, found = _camera(header)
    pose, flip, words = _pose(header)
    return CarmView(
        camera,
        pose,
        ISOCENTRE,
        header.pixels(),
        _intensity(header),
        flip,
        f'DICOM {header.get("Modality")}, frame {header.number + 1} of {header.count}: '
        + '; '.join([*found, *words]),
    )


def read_dicom_pixels(path, frame=None):
    """Read the X-ray alone: (pixels [H, W], intensity or None, flip or None)."""
    header = DicomFrame(path, frame)
    return header.pixels(), _intensity(header), _orientation(header)[1]


def _intensity(header):
    sign = header.number_of('PixelIntensityRelationshipSign') or 1
    return _INTENSITY.get((header.get('PixelIntensityRelationship'), int(sign)))


def _camera(header):
    """Return (PinholeCamera of the stored image, where its numbers come from)."""
    sdd_mm = header.number_of('DistanceSourceToDetector')
    if sdd_mm is None:
        raise InputError(
            f'{header.path}: DistanceSourceToDetector is missing: measure it and give a '
            'camera_info YAML'
        )
    _check(header, 'DistanceSourceToDetector', sdd_mm, _SDD_MM)
    for keyword in ('DetectorPrimaryAngle', 'DetectorSecondaryAngle'):
        tilt_deg = header.number_of(keyword) or 0.0
        if abs(tilt_deg) > _MAX_BEAM_TILT_DEG:
            raise InputError(
                f'{header.path}: {keyword} is {tilt_deg:g}: a detector that is not perpendicular '
                'to the beam is no pinhole camera, give a calibrated camera_info YAML'
            )
    spacing_mm, name = _pixel_size(header)
    for size in spacing_mm:
        _check(header, name, size, _PIXEL_MM)
    dv_mm, du_mm = spacing_mm.tolist()
    width, height = (int(header.numbers(key, 1)[0]) for key in ('Columns', 'Rows'))
    camera = PinholeCamera.from_carm(width, height, sdd_mm, du_mm, dv_mm)
    words = [f'SDD {sdd_mm:g} mm', f'pixels of {du_mm:g} x {dv_mm:g} mm by {name}']
    axis = _principal_point(header, camera, spacing_mm)
    if axis is None:
        # What XA assumes where it says nothing else (PS3.17 FFF.2.1.5.2).
        words.append('the isocentre in the middle of the image')
    else:
        camera = PinholeCamera(width, height, camera.fx, camera.fy, *axis)
        words.append('the isocentre where PositionOfIsocenterProjection has it')
    try:
        return camera.validated(), words
    except InputError as error:
        raise InputError(f'{header.path}: {error}') from None


def _pixel_size(header):
    """Return ((dv, du) in mm on the detector, the attribute that says so)."""
    on_detector = header.numbers('ImagerPixelSpacing', 2)
    if on_detector is not None:
        return on_detector, 'ImagerPixelSpacing'
    spacing = header.numbers('PixelSpacing', 2)
    calibrated = header.get('PixelSpacingCalibrationType')
    if spacing is None or calibrated is not None:
        why = f'PixelSpacing is that at the depth of the patient ({calibrated})'
        raise InputError(
            f'{header.path}: ImagerPixelSpacing, the pixel size on the detector, is missing'
            + (f' and {why}' if calibrated else '')
            + ': give a camera_info YAML'
        )
    return spacing, 'PixelSpacing'


def _principal_point(header, camera, spacing_mm):
    """
    Return (cx, cy) in pixels of the stored image, or None where the file does not say.

    Positions are counted in detector elements, from the centre of the first one (isocentre, PS3.3
    C.8.19.5) or from its corner (field of view, C.8.11.4); rows come first.  The field of view is
    turned clockwise and then flipped to become the image.
    """
    isocentre = header.numbers('PositionOfIsocenterProjection', 2)
    element_mm = header.numbers('DetectorElementSpacing', 2)
    if isocentre is None or element_mm is None:
        return None
    origin = header.numbers('FieldOfViewOrigin', 2)
    origin = np.zeros(2) if origin is None else origin
    quarters = round((header.number_of('FieldOfViewRotation') or 0) / 90) % 4
    sizes = np.array([camera.height, camera.width], float)
    if quarters % 2:
        sizes, spacing_mm = sizes[::-1], spacing_mm[::-1]
    row, column = (isocentre + 0.5 - origin) * element_mm / spacing_mm - 0.5
    for _ in range(quarters):
        row, column = column, sizes[0] - 1 - row
        sizes = sizes[::-1]
    if header.get('FieldOfViewHorizontalFlip') == 'YES':
        column = sizes[1] - 1 - column
    return float(column), float(row)


def _orientation(header):
    """Return (pose of a camera at distance 0, or None; flip or None; words about them)."""
    angles = [_angle(header, name) for name in ('Primary', 'Secondary')]
    if None in angles:
        return None, None, ['no positioner angles: pose and mirroring are unknown']
    primary_deg, secondary_deg = angles
    rotation = camera_from_isocentre(primary_deg, secondary_deg, 0.0)
    codes = header.get('PatientOrientation') or []
    flip, roll_deg = flip_and_roll(rotation, *codes) if len(codes) == 2 else (None, 0)
    named = 'PatientOrientation ' + ('\\'.join(codes) or 'is missing')
    return (
        rolled(rotation, roll_deg),
        flip,
        [
            f'{"LAO" if primary_deg >= 0 else "RAO"} {abs(primary_deg):g}, '
            f'{"CRA" if secondary_deg >= 0 else "CAU"} {abs(secondary_deg):g} degrees',
            f'{named}: mirroring is unknown'
            if flip is None
            else f'{named}: flip {flip}, turned by {roll_deg} degrees',
        ],
    )


def _pose(header):
    """Return (camera_from_isocentre or None, flip or None, words about them)."""
    pose, flip, words = _orientation(header)
    distance_mm = header.number_of('DistanceSourceToPatient')
    if distance_mm is None:
        distance_mm = header.number_of('DistanceSourceToIsocenter')
    if pose is None:
        return None, flip, words
    if distance_mm is None:
        return None, flip, [*words, 'no distance from source to patient: the pose is unknown']
    _check(header, 'DistanceSourceToPatient', distance_mm, (_MIN_SOURCE_TO_PATIENT_MM, _SDD_MM[1]))
    pose[2, 3] = distance_mm * 1e-3
    return pose, flip, [*words, f'source to isocentre {distance_mm:g} mm']


def _angle(header, axis):
    """Return a positioner angle in degrees, or None; increments count from the first frame."""
    angle = header.number_of(f'Positioner{axis}Angle')
    moving = header.get('PositionerMotion') == 'DYNAMIC'
    if angle is None or not moving or header.count == 1:
        return angle
    increments = header.numbers(f'Positioner{axis}AngleIncrement', header.count)
    return None if increments is None else angle + float(increments[header.number])


def _check(header, keyword, value_mm, limits):
    low, high = limits
    if not low <= value_mm <= high:
        raise InputError(
            f'{header.path}: {keyword} is {value_mm:g} mm, expected {low:g} to {high:g}: give a '
            'camera_info YAML'
        )
