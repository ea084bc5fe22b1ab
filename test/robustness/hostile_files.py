"""Files that no CT should be: {name: function(folder) -> path}, each refused by its name."""

import gzip
import os
import pickle
import struct

import nibabel as nib
import numpy as np
from volume_files import (
    dicom_slices,
    lps_affine_m,
    save_dicom,
    save_itk,
    save_nifti,
    voxels,
)

HUGE_VOXELS = 30_000  # along each axis: 27 TB as 8-bit voxels
BOMB_BYTES = 2**31


def _nifti(folder, name='ct.nii'):
    return save_nifti(folder / name, voxels(), lps_affine_m())


def _with_bytes(path, changes):
    """Overwrite bytes of a file: {offset: bytes}."""
    content = bytearray(path.read_bytes())
    for offset, data in changes.items():
        content[offset : offset + len(data)] = data
    path.write_bytes(content)
    return path


def _truncated(path, share):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    return path


def _text(folder, name, content):
    (folder / name).write_text(content)
    return folder / name


class Payload:
    """Makes a folder where it is unpickled."""

    def __init__(self, trace):
        self._trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self._trace,)


def _pickle(folder, name):
    (folder / name).write_bytes(pickle.dumps(Payload(folder / 'executed')))
    return folder / name


def _bomb(folder, name, header):
    """Pack 2 GiB of zeros behind a header into 2 MB, as members of one gzip file."""
    zeros = gzip.compress(bytes(2**24))
    members = [gzip.compress(header)] + [zeros] * (BOMB_BYTES >> 24)
    (folder / name).write_bytes(b''.join(members))
    return folder / name


def _nifti_header(size):
    header = nib.Nifti1Header()
    header['dim'][:4] = (3, *size)
    header['datatype'], header['bitpix'], header['vox_offset'] = 2, 8, 352
    header['sform_code'] = 1
    header.set_sform(np.diag([1.0, 1, 1, 1]))
    header['magic'] = b'n+1'
    return header.binaryblock + bytes(4)


def _named(name, data):
    def make(folder):
        (folder / name).write_bytes(data)
        return folder / name

    return make


def _nrrd(folder, **fields):
    usual = {
        'type': 'short', 'dimension': '3', 'sizes': '6 5 4', 'encoding': 'raw',
        'endian': 'little', 'space': 'left-posterior-superior',
        'space directions': '(0.7,0,0) (0,0.9,0) (0,0,2.5)', 'space origin': '(0,0,0)',
    }  # fmt: skip
    lines = [f'{key}: {value}' for key, value in (usual | fields).items()]
    return _text(folder, 'ct.nrrd', 'NRRD0004\n' + '\n'.join(lines) + '\n\n' + 'x' * 240)


def _mhd(folder, **fields):
    usual = {
        'ObjectType': 'Image', 'NDims': '3', 'DimSize': '6 5 4', 'ElementType': 'MET_SHORT',
        'ElementSpacing': '0.7 0.9 2.5', 'ElementDataFile': 'LOCAL',
    }  # fmt: skip
    lines = [f'{key} = {value}' for key, value in (usual | fields).items()]
    return _text(folder, 'ct.mha', '\n'.join(lines) + '\n' + 'x' * 240)


def _dicom(change=None, count=None):
    def make(folder):
        slices = dicom_slices(voxels(), lps_affine_m())[:count]
        if change:
            change(slices)
        return save_dicom(folder / 'series', slices)

    return make


def _mixed(slices):
    slices[-1].SeriesInstanceUID = '1.2.3'


def _gap(slices):
    del slices[1]


def _far_apart(slices):
    slices[-1].ImagePositionPatient = ['0', '0', '1e30']


def _no_pixels(slices):
    slices[1].PixelData = slices[1].PixelData[:10]


def _other_size(slices):
    slices[1].Rows, slices[1].Columns = 65535, 65535


def _loop(folder):
    (folder / 'ct.nii').symlink_to(folder / 'ct.nii')
    return folder / 'ct.nii'


def _pipe(folder):
    os.mkfifo(folder / 'ct.nii')
    return folder / 'ct.nii'


def _pickled_slice(folder):
    series = _dicom()(folder)
    _pickle(series, 'slice_001.dcm')
    return series


def _cut_slice(folder):
    series = _dicom()(folder)
    _truncated(series / 'slice_002.dcm', 0.4)
    return series


NAN = struct.pack('<f', np.nan)
FILES = {
    'missing file': lambda folder: folder / 'ct.nii',
    'empty file': _named('ct.nii', b''),
    'random bytes': _named('ct.nii', np.random.default_rng(0).bytes(5000)),
    'text named as NIfTI': lambda f: _text(f, 'ct.nii.gz', 'not found'),
    'HTML named as NRRD': lambda f: _text(f, 'ct.nrrd', '<html><body>403</body></html>'),
    'unknown format': lambda f: _text(f, 'ct.stl', 'solid'),
    'symbolic link to itself': _loop,
    'named pipe': _pipe,
    'device': lambda f: '/dev/zero',
    'empty folder': lambda f: f,
    'folder of text': lambda f: _text(f, 'readme.txt', 'hello').parent,
    'pickle named as NIfTI': lambda f: _pickle(f, 'ct.nii'),
    'pickle named as NRRD': lambda f: _pickle(f, 'ct.nrrd'),
    'pickle': lambda f: _pickle(f, 'ct.pkl'),
    'pickle among DICOM slices': _pickled_slice,
    'NIfTI cut in the header': lambda f: _truncated(_nifti(f), 0.3),
    'NIfTI cut in the voxels': lambda f: _truncated(_nifti(f), 0.9),
    'gzip cut': lambda f: _truncated(_nifti(f, 'ct.nii.gz'), 0.8),
    'NIfTI that announces 27 TB': _named('ct.nii', _nifti_header((HUGE_VOXELS,) * 3) + b'x'),
    'NIfTI of negative size': lambda f: _with_bytes(_nifti(f), {42: struct.pack('<h', -6)}),
    'NIfTI with NaN in its axes': lambda f: _with_bytes(_nifti(f), {280: NAN * 4, 252: bytes(2)}),
    'NIfTI with complex voxels': lambda f: _with_bytes(_nifti(f), {70: struct.pack('<h', 32)}),
    'NIfTI without orientation': lambda f: _with_bytes(_nifti(f), {252: bytes(4)}),
    'gzip bomb': lambda f: _bomb(f, 'ct.nii.gz', _nifti_header((64, 64, 64))),
    'gzip bomb in the header': lambda f: _bomb(f, 'ct.nii.gz', b''),
    'NRRD that announces 27 TB': lambda f: _nrrd(f, sizes=' '.join([str(HUGE_VOXELS)] * 3)),
    'NRRD with voxels elsewhere': lambda f: _nrrd(f, **{'data file': '/etc/passwd'}),
    'NRRD with NaN in its axes': lambda f: _nrrd(
        f, **{'space directions': '(nan,0,0) (0,1,0) (0,0,1)'}
    ),
    'NRRD of four axes': lambda f: _nrrd(f, dimension='4', sizes='6 5 4 2'),
    'MetaImage with voxels elsewhere': lambda f: _mhd(f, ElementDataFile='/etc/passwd'),
    'MetaImage of negative size': lambda f: _mhd(f, DimSize='6 -5 4'),
    'MetaImage cut': lambda f: _truncated(save_itk(f / 'ct.mha', voxels(), lps_affine_m()), 0.7),
    'one DICOM slice': _dicom(count=1),
    'mixed DICOM series': _dicom(_mixed),
    'missing DICOM slice': _dicom(_gap),
    'DICOM slice at 1e30 mm': _dicom(_far_apart),
    'DICOM slice without pixels': _dicom(_no_pixels),
    'DICOM slice of 65535 squared': _dicom(_other_size),
    'DICOM slice cut': _cut_slice,
}
