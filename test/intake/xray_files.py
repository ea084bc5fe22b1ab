"""DICOM X-rays written by pydicom: single frame, multi-frame and enhanced XA."""

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, XRayAngiographicImageStorage, generate_uid

SDD_MM, SOD_MM = 1100.0, 720.0
SPACING_MM = (0.31, 0.3)  # between rows first


def picture(height=60, width=80):
    """Counts that differ from pixel to pixel, so that a flipped or swapped axis shows."""
    return (1000 + np.arange(height * width) % 60_000).astype(np.uint16).reshape(height, width)


def xray(pixels=None, **attributes):
    """Return an XA data set; attributes of value None are left out."""
    pixels = picture() if pixels is None else pixels
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = XRayAngiographicImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.Modality = 'XA'
    data.Rows, data.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        data.NumberOfFrames = len(pixels)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, 'MONOCHROME2'
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    data.PixelIntensityRelationship = 'LIN'
    data.PixelData = pixels.tobytes()
    attributes = {
        'DistanceSourceToDetector': SDD_MM,
        'DistanceSourceToPatient': SOD_MM,
        'ImagerPixelSpacing': list(SPACING_MM),
        'PositionerPrimaryAngle': 0.0,
        'PositionerSecondaryAngle': 0.0,
        'PatientOrientation': ['L', 'F'],
    } | attributes
    for keyword, value in attributes.items():
        if value is not None:
            setattr(data, keyword, value)
    return data


def item(**attributes):
    """Return an item of a sequence; a Dataset as value becomes a sequence of one."""
    data = Dataset()
    for keyword, value in attributes.items():
        setattr(data, keyword, [value] if isinstance(value, Dataset) else value)
    return data


def enhanced(angles):
    """Return an enhanced XA of len(angles) frames, its geometry in functional groups."""
    frames = np.stack([picture() + number for number in range(len(angles))])
    data = xray(
        frames,
        DistanceSourceToPatient=None,
        ImagerPixelSpacing=None,
        DistanceSourceToDetector=None,
        PositionerPrimaryAngle=None,
        PositionerSecondaryAngle=None,
        PatientOrientation=None,
    )
    shared = item(
        XRayGeometrySequence=item(
            DistanceSourceToDetector=SDD_MM, DistanceSourceToIsocenter=SOD_MM
        ),
        XAXRFFrameCharacteristicsSequence=item(DerivationDescription='none'),
        FramePixelDataPropertiesSequence=item(ImagerPixelSpacing=list(SPACING_MM)),
        PatientOrientationInFrameSequence=item(PatientOrientation=['L', 'F']),
    )
    data.SharedFunctionalGroupsSequence = [shared]
    data.PerFrameFunctionalGroupsSequence = [
        item(PositionerPositionSequence=item(PositionerPrimaryAngle=a, PositionerSecondaryAngle=b))
        for a, b in angles
    ]
    return data


def save(path, data):
    data.save_as(path, enforce_file_format=True)
    return path
