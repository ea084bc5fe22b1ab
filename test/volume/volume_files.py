"""Small CTs in every format, written by the libraries that users' files come from."""

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

# [Z, Y, X] with three different sizes and no symmetry: a swapped or flipped axis shows.
SHAPE = (4, 5, 6)
SPACING_MM = np.array([0.7, 0.9, 2.5])
ORIGIN_MM = np.array([-31.0, 17.0, 240.0])
OBLIQUE = Rotation.from_euler('xyz', [12, -25, 40], degrees=True).as_matrix()

DIRECTIONS = {
    'axial': np.eye(3),
    'oblique': OBLIQUE,
    'left-handed': OBLIQUE @ np.diag([1, 1, -1]),
    'coronal': np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float),
}


def voxels(dtype=np.int16, shape=SHAPE):
    """Distinct Hounsfield units, from air to bone."""
    count = int(np.prod(shape))
    return np.linspace(-1000, 1500, count).astype(dtype).reshape(shape)


def lps_affine_m(direction=OBLIQUE, spacing_mm=SPACING_MM, origin_mm=ORIGIN_MM):
    """What `ct_from_index` has to be."""
    affine = np.eye(4)
    affine[:3, :3] = direction * spacing_mm * 1e-3
    affine[:3, 3] = np.asarray(origin_mm) * 1e-3
    return affine


def save_nifti(path, values, ct_from_index, unit_m=1e-3, code='mm', sform=1, qform=1):
    """Write values [Z, Y, X] on an LPS grid in metres as NIfTI."""
    ras = np.diag([-1.0, -1, 1, 1]) @ ct_from_index
    ras[:3] /= unit_m
    image = nib.Nifti1Image(values.transpose(2, 1, 0), ras)
    image.header.set_xyzt_units(code)
    image.set_sform(ras, sform)
    image.set_qform(ras, qform)
    nib.save(image, path)
    return path


def save_itk(path, values, ct_from_index, compress=False):
    """Write values [Z, Y, X] on an LPS grid in metres by SimpleITK, format by extension."""
    spacing = np.linalg.norm(ct_from_index[:3, :3], axis=0)
    image = sitk.GetImageFromArray(values)
    image.SetDirection((ct_from_index[:3, :3] / spacing).ravel().tolist())
    image.SetSpacing((spacing * 1e3).tolist())
    image.SetOrigin((ct_from_index[:3, 3] * 1e3).tolist())
    sitk.WriteImage(image, str(path), compress)
    return path


def dicom_slices(values, ct_from_index, slope=1, intercept=-1024):
    """Return the data sets of a CT series; tests change what they want to see refused."""
    spacing_mm = np.linalg.norm(ct_from_index[:3, :3], axis=0) * 1e3
    axes = ct_from_index[:3, :3] / (spacing_mm * 1e-3)
    series, frame, study = generate_uid(), generate_uid(), generate_uid()
    slices = []
    for z, plane in enumerate(values):
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.FrameOfReferenceUID = frame
        data.SeriesDescription = 'thorax'
        data.Modality = 'CT'
        data.ImageType = ['ORIGINAL', 'PRIMARY', 'AXIAL']
        data.InstanceNumber = z + 1
        position = ct_from_index @ [0, 0, z, 1]
        data.ImagePositionPatient = [f'{p * 1e3:.10g}' for p in position[:3]]
        data.ImageOrientationPatient = [f'{a:.10f}' for a in axes[:, :2].T.ravel()]
        # Between rows first: the spacing along a column, which is y.
        data.PixelSpacing = [f'{spacing_mm[1]:.10g}', f'{spacing_mm[0]:.10g}']
        data.Rows, data.Columns = plane.shape
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, 'MONOCHROME2'
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 1
        data.RescaleSlope, data.RescaleIntercept = slope, intercept
        stored = np.rint((plane.astype(float) - intercept) / slope).astype('<i2')
        data.PixelData = stored.tobytes()
        slices.append(data)
    return slices


def save_dicom(folder, slices, order=None):
    """Write data sets as one folder; `order` gives the file number of each slice."""
    folder.mkdir(exist_ok=True)
    for number, data in zip(order or range(len(slices)), slices, strict=True):
        data.save_as(folder / f'slice_{number:03d}.dcm', enforce_file_format=True)
    return folder
