"""One CT slice of a DICOM series: its header as plain values, and its pixels."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from surgical_perception.errors import InputError

# Everything that orders, places and scales a slice; nothing that names a patient.
_TAGS = (
    'Modality',
    'ImageType',
    'SeriesInstanceUID',
    'SeriesDescription',
    'FrameOfReferenceUID',
    'ImagePositionPatient',
    'ImageOrientationPatient',
    'PixelSpacing',
    'Rows',
    'Columns',
    'NumberOfFrames',
    'SamplesPerPixel',
    'PhotometricInterpretation',
    'RescaleSlope',
    'RescaleIntercept',
)


@dataclass(frozen=True)
class DicomSlice:
    """
    A slice's header.

    position_mm     [3] centre of the first pixel, LPS
    along_row       [3] unit vector of increasing column index, LPS
    along_column    [3] unit vector of increasing row index, LPS
    spacing_mm      (between rows, between columns), as PixelSpacing has it
    size            (columns, rows)
    jpeg            packed by one of the JPEG family (JPEG, JPEG-LS, JPEG 2000)
    """

    path: Path
    series_uid: str
    series_name: str
    frame_uid: str
    position_mm: np.ndarray
    along_row: np.ndarray
    along_column: np.ndarray
    spacing_mm: np.ndarray
    size: tuple[int, int]
    slope: float
    intercept: float
    jpeg: bool

    @property
    def normal(self):
        """Unit normal of the slice [3], LPS."""
        return np.cross(self.along_row, self.along_column)


def is_dicom(path):
    """Tell whether a file has the DICOM preamble."""
    with path.open('rb') as file:
        return file.read(132)[128:] == b'DICM'


def read_slice_header(path):
    """Return a DicomSlice, or raise InputError where the file is no slice of a CT."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # values that break the standard, which are checked
            meta = pydicom.filereader.read_file_meta_info(path)
            syntax = meta.get('TransferSyntaxUID')
            # zlib over all of it: it would be unpacked before any size in it can be checked.
            if syntax == DeflatedExplicitVRLittleEndian:
                raise InputError(f'{path}: deflated DICOM is not read: save it uncompressed')
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
            values = {tag: data.get(tag) for tag in _TAGS}
            # Without a transfer syntax pydicom guesses, and a damaged file passes for a good one.
            if syntax is None or not syntax.is_transfer_syntax:
                raise InputError(f'{path}: has no known transfer syntax: export the series again')
            return _slice(path, values, syntax.is_compressed and syntax != RLELossless)
    except InputError:
        raise
    # pydicom decodes lazily and lets whatever a damaged element causes through.
    except Exception as error:
        raise InputError(f'{path}: damaged DICOM file ({error})') from None


def _slice(path, values, jpeg):
    if 'LOCALIZER' in [str(v).upper() for v in values['ImageType'] or ()]:
        raise InputError(f'{path}: is a localizer, not a slice: move it out of the folder')
    if values['Modality'] != 'CT':
        raise InputError(f'{path}: its modality is {values["Modality"]}, expected CT')
    if int(values['NumberOfFrames'] or 1) != 1:
        raise InputError(
            f'{path}: is a multi-frame (enhanced) CT: convert the series to NIfTI or NRRD'
        )
    if int(values['SamplesPerPixel'] or 1) != 1 or (
        values['PhotometricInterpretation'] not in (None, 'MONOCHROME2')
    ):
        raise InputError(
            f'{path}: its pixels are {values["PhotometricInterpretation"]}, expected MONOCHROME2'
        )
    orientation = _numbers(path, values, 'ImageOrientationPatient', 6)
    return DicomSlice(
        path=path,
        series_uid=str(values['SeriesInstanceUID']),
        series_name=str(values['SeriesDescription'] or 'no description'),
        frame_uid=str(values['FrameOfReferenceUID']),
        position_mm=_numbers(path, values, 'ImagePositionPatient', 3),
        along_row=_unit(path, orientation[:3]),
        along_column=_unit(path, orientation[3:]),
        spacing_mm=_numbers(path, values, 'PixelSpacing', 2),
        size=(
            int(_numbers(path, values, 'Columns', 1)[0]),
            int(_numbers(path, values, 'Rows', 1)[0]),
        ),
        slope=_scale(path, values, 'RescaleSlope', 1.0),
        intercept=_scale(path, values, 'RescaleIntercept', 0.0),
        jpeg=jpeg,
    )


def _numbers(path, values, tag, count):
    numbers = np.atleast_1d(np.asarray(values[tag], float)) if values[tag] is not None else []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise InputError(f'{path}: {tag} is missing or damaged, so the slice cannot be placed')
    return numbers


def _unit(path, vector):
    length = np.linalg.norm(vector)
    if abs(length - 1) > 1e-3:
        raise InputError(f'{path}: ImageOrientationPatient is not made of unit vectors')
    return vector / length


def _scale(path, values, tag, default):
    value = default if values[tag] is None else float(values[tag])
    if not np.isfinite(value) or (tag == 'RescaleSlope' and value == 0):
        raise InputError(f'{path}: {tag} is {value}: export the series again')
    return value


def read_rescaled(header):
    """
    Return the slice's values [rows, columns] float64, with slope and intercept applied.

    Raises InputError where the pixels are truncated or packed in a way that nothing here unpacks.
    """
    columns, rows = header.size
    try:
        values = _gdcm_values(header) if header.jpeg else _plain_values(header)
    except Exception as error:  # decoders raise whatever the damage leads to
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise InputError(f'{header.path}: the pixels cannot be read ({reason[0]})') from None
    if values.shape != (rows, columns):
        raise InputError(
            f'{header.path}: the pixels are {values.shape}, the header says {(rows, columns)}'
        )
    if not np.isfinite(values).all():
        raise InputError(f'{header.path}: the pixels hold NaN or infinity')
    return values


def _plain_values(header):
    stored = pydicom.dcmread(header.path).pixel_array
    return stored.astype(np.float64) * header.slope + header.intercept


def _gdcm_values(header):
    """Unpack the JPEG family by GDCM, which rescales by itself; pydicom has no decoder for it."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO('GDCMImageIO')
    reader.SetFileName(str(header.path))
    return sitk.GetArrayFromImage(reader.Execute())[0].astype(np.float64)
