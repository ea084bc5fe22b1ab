"""The one way in for a CT: a path to Hounsfield units in the `ct` frame."""

from pathlib import Path

from surgical_perception.errors import InputError
from xray_registration.volume.ct_image import CtImage
from xray_registration.volume.dicom import read_dicom_series
from xray_registration.volume.itk import read_metaimage, read_nrrd
from xray_registration.volume.labels import labels_on_grid
from xray_registration.volume.limits import Limits
from xray_registration.volume.nifti import read_nifti

_READERS = {
    '.nii': read_nifti,
    '.nii.gz': read_nifti,
    '.nrrd': read_nrrd,
    '.nhdr': read_nrrd,
    '.mha': read_metaimage,
    '.mhd': read_metaimage,
}

# Air is at -1000 HU and bone above 300; 8-bit pictures span 255 at most, wherever they begin.
_MIN_HU_SPAN = 256


def load_ct(
    path,
    labels_path=None,
    hu=None,
    max_bytes=Limits.max_bytes,
    max_voxels=Limits.max_voxels,
):
    """
    Load a CT, and optionally its label mask, without resampling; return a CtImage.

    path            NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), or the
                    folder of a DICOM series
    labels_path     a file of these formats on the same grid
    hu              whether the values are Hounsfield units; None decides: they are not where
                    nothing is below 0 (a patient is surrounded by air) or where they span less
                    than 256 (an 8-bit picture)
    max_bytes       of the files, before anything of them is read
    max_voxels      of the grid, before memory is taken for it

    Raises InputError, and nothing else, for whatever cannot be used: one sentence that names the
    file, the series or the slice.
    """
    limits = Limits(max_bytes, max_voxels)
    path = Path(path)
    grid = _read(path, limits)
    labels = None
    if labels_path is not None:
        labels_path = Path(labels_path)
        labels = labels_on_grid(_read(labels_path, limits), labels_path, grid, path)
    is_hu = _looks_like_hu(grid.values) if hu is None else bool(hu)
    return CtImage(grid.values, grid.ct_from_index, str(path), grid.sha256, labels, is_hu)


def _read(path, limits):
    try:
        if path.is_dir():
            return read_dicom_series(path, limits)
        if not path.is_file():
            raise InputError(f'{path}: there is no such file or folder')
        return _reader(path)(path, limits)
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror or error})') from None
    except MemoryError:
        raise InputError(f'{path}: does not fit into memory: crop or resample the CT') from None


def _reader(path):
    for suffix, reader in _READERS.items():
        if path.name.lower().endswith(suffix):
            return reader
    if path.suffix.lower() in ('.dcm', '.dicom', '.ima'):
        raise InputError(f'{path}: is one DICOM slice: give the folder of the series')
    raise InputError(
        f'{path}: is of no known CT format: expected {", ".join(_READERS)} or a DICOM folder'
    )


def _looks_like_hu(values):
    low, high = int(values.min()), int(values.max())
    return low < 0 and high - low >= _MIN_HU_SPAN
