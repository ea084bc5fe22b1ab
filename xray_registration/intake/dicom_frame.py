"""One frame of a DICOM X-ray: its attributes, wherever the file keeps them, and its pixels."""

import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.pixels import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from surgical_perception.errors import InputError
from xray_registration.intake.selection import chosen_number

MODALITIES = ('XA', 'RF', 'DX')

# A long run in full resolution; larger files are cut by the C-arm or by dcmtk.
_MAX_BYTES = 2**31


class DicomFrame:
    """
    The attributes of one frame.

    Single-frame and multi-frame XA and RF keep them in the data set itself; enhanced XA keeps
    them in functional groups, shared or one for each frame (PS3.3 C.7.6.16).
    """

    def __init__(self, path, frame=None):
        """Read the header; `frame` counts from 0 and is needed where there are several."""
        self.path = Path(path)
        with _named(self.path, 'is damaged or no DICOM file'):
            self._data = _header(self.path)
            self.count = int(self._data.get('NumberOfFrames') or 1)
            self.number = chosen_number(self.path, frame, self.count)
            self._groups = [self._data, *self._functional_groups()]

    def get(self, keyword):
        """Return the value of an attribute, or None where it is absent or empty."""
        with _named(self.path, f'{keyword} is damaged'):
            for group in self._groups:
                value = group.get(keyword)
                if value is not None and value != '' and value != []:
                    return value
        return None

    def numbers(self, keyword, count):
        """Return finite numbers [count], or None where absent; raises InputError for others."""
        value = self.get(keyword)
        if value is None:
            return None
        try:
            numbers = np.atleast_1d(np.asarray(value, float))
        except (TypeError, ValueError):
            numbers = np.empty(0)
        if numbers.shape != (count,) or not np.isfinite(numbers).all():
            raise InputError(f'{self.path}: {keyword} is {value}, expected {count} numbers')
        return numbers

    def number_of(self, keyword):
        """Return one finite number or None."""
        numbers = self.numbers(keyword, 1)
        return None if numbers is None else float(numbers[0])

    def pixels(self):
        """Return the frame [H, W] as stored, integers; raises InputError for damaged data."""
        with _named(self.path, 'the pixels cannot be read'):
            syntax = self._data.file_meta.TransferSyntaxUID
            if syntax.is_compressed and syntax != RLELossless:
                pixels = _by_gdcm(self.path)[self.number]
            else:
                pixels = pixel_array(self.path, index=self.number)
            expected = (self._data.Rows, self._data.Columns)
        if pixels.shape != expected:
            raise InputError(f'{self.path}: the pixels are {pixels.shape}, expected {expected}')
        return pixels

    def _functional_groups(self):
        per_frame = self._data.get('PerFrameFunctionalGroupsSequence') or []
        shared = self._data.get('SharedFunctionalGroupsSequence') or []
        for item in [*per_frame[self.number : self.number + 1], *shared[:1]]:
            for element in item:
                if element.VR == 'SQ' and element.value:
                    yield element.value[0]


@contextmanager
def _named(path, what):
    """Turn whatever pydicom and its decoders raise for damaged data, at any access, into one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise InputError(f'{path}: {what} ({reason[0]})') from None


def _header(path):
    if not path.is_file():
        raise InputError(f'{path}: there is no such file')
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f'{path}: is larger than {_MAX_BYTES >> 30} GiB: export fewer frames')
    # Deflated files unpack without any limit; X-rays are never sent so.
    syntax = pydicom.filereader.read_file_meta_info(path).get('TransferSyntaxUID')
    if syntax is None or syntax == DeflatedExplicitVRLittleEndian:
        raise InputError(f'{path}: has no transfer syntax that is read: export it again')
    data = pydicom.dcmread(path, stop_before_pixels=True)
    modality, size = data.get('Modality'), (data.get('Columns'), data.get('Rows'))
    grey = int(data.get('SamplesPerPixel') or 1) == 1
    if modality not in MODALITIES:
        raise InputError(
            f'{path}: its modality is {modality}, expected an X-ray: {", ".join(MODALITIES)}'
        )
    if not all(isinstance(n, int) and n > 0 for n in size) or not grey:
        raise InputError(f'{path}: holds no grey picture: export the X-ray, not a report')
    return data


def _by_gdcm(path):
    """Unpack the JPEG family by GDCM, since pydicom has no decoder of its own for it."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO('GDCMImageIO')
    reader.SetFileName(str(path))
    pixels = sitk.GetArrayFromImage(reader.Execute())
    return pixels if pixels.ndim == 3 else pixels[None]
