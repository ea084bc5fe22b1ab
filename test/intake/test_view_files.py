"""X-rays and cameras of every format become the same View, as seen from the source."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import SimpleITK as sitk
from carm_scenes import CAMERA, CAMERA_FROM_REFERENCE, view
from xray_files import picture, save, xray

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import save_camera_yaml
from xray_registration.intake.carm_view import CT, ISOCENTRE, WORLD
from xray_registration.intake.diffdrr import write_diffdrr
from xray_registration.intake.files import open_view
from xray_registration.intake.mayacam import write_mayacam
from xray_registration.intake.rtk import write_rtk
from xray_registration.intake.xreg import write_xreg
from xray_registration.view_files import load_views
from xray_registration.views import line_integrals

# As seen from the source.
PIXELS = picture(CAMERA.height, CAMERA.width)[:, ::-1].copy()


def mayacam(folder):
    cv2.imwrite(str(folder / 'x.png'), PIXELS)
    write_mayacam(folder / 'cam.txt', view())
    return [folder / 'x.png'], [folder / 'cam.txt']


def camera_info(folder):
    cv2.imwrite(str(folder / 'x.png'), PIXELS)
    save_camera_yaml(folder / 'cam.yaml', CAMERA, camera_from_reference=CAMERA_FROM_REFERENCE)
    return [folder / 'x.png'], [folder / 'cam.yaml']


def projection(path, pixels, grid):
    """Write a stack of two projections, the wanted one second, as RTK takes them."""
    stack = np.stack([np.zeros_like(pixels), pixels])
    image = sitk.GetImageFromArray(stack)
    image.SetSpacing([abs(grid.du_mm), abs(grid.dv_mm), 1.0])
    image.SetOrigin([grid.u0_mm, grid.v0_mm, 0.0])
    image.SetDirection(np.diag([np.sign(grid.du_mm), np.sign(grid.dv_mm), 1.0]).ravel().tolist())
    sitk.WriteImage(image, str(path))


def rtk(folder):
    grid = write_rtk(folder / 'geometry.xml', [view(), view()], du_mm=0.3)
    projection(folder / 'stack.mha', PIXELS, grid)
    return [f'{folder}/stack.mha#1'], [f'{folder}/geometry.xml#1']


def rtk_upside_down(folder):
    """The same rays on a detector whose rows run up, as RTK makes them by default."""
    grid = write_rtk(folder / 'geometry.xml', [view(), view()], du_mm=0.3)
    last_v_mm = grid.v0_mm + (grid.height - 1) * grid.dv_mm
    upwards = replace(grid, dv_mm=-grid.dv_mm, v0_mm=last_v_mm)
    projection(folder / 'stack.mha', PIXELS[::-1], upwards)
    return [f'{folder}/stack.mha#1'], [f'{folder}/geometry.xml#1']


def xreg(folder):
    mirrored = view(pixels=PIXELS).unflipped()
    stored = replace(
        mirrored,
        camera=CAMERA.flipped('vertical'),
        pixels=frames.flip_image(PIXELS, 'vertical'),
        flip='vertical',
    )
    write_xreg(folder / 'x.h5', [view(), stored])
    return [f'{folder}/x.h5#1'], []


def diffdrr(folder):
    np.save(folder / 'x.npy', PIXELS.astype(np.float32))
    write_diffdrr(folder / 'cam.json', view(), sdd_mm=1000.0)
    return [folder / 'x.npy'], [folder / 'cam.json']


def dicom_with_another_camera(folder):
    """A calibration wins over the header's camera; what the header says of mirroring stays."""
    save(folder / 'x.dcm', xray(frames.flip_image(PIXELS, 'horizontal')))
    save_camera_yaml(
        folder / 'cam.yaml',
        CAMERA.flipped('horizontal'),
        camera_from_reference=CAMERA_FROM_REFERENCE,
    )
    return [folder / 'x.dcm'], [folder / 'cam.yaml']


FORMATS = [mayacam, camera_info, rtk, rtk_upside_down, xreg, diffdrr, dicom_with_another_camera]


@pytest.mark.parametrize('written', FORMATS, ids=lambda f: f.__name__)
def test_every_format_becomes_the_same_view(tmp_path, written):
    images, cameras = written(tmp_path)
    files = load_views(images, cameras, intensity='raw')
    (found,) = files.views
    np.testing.assert_allclose(found.camera.matrix, CAMERA.matrix, atol=1e-6)
    np.testing.assert_allclose(found.camera_from_reference, CAMERA_FROM_REFERENCE, atol=1e-9)
    np.testing.assert_allclose(found.image, line_integrals(PIXELS, 'raw'), atol=1e-6)
    assert files.reference == (CT if written is diffdrr else WORLD)


def test_an_angiogram_is_turned_to_the_view_from_the_source(tmp_path):
    path = save(tmp_path / 'XA0001', xray(PIXELS))  # C-arms write no suffix
    files = load_views([path])
    np.testing.assert_allclose(files.views[0].image, line_integrals(PIXELS[:, ::-1], 'raw'))
    assert files.reference == ISOCENTRE
    assert 'PatientOrientation L\\F: flip horizontal' in files.texts[0]


def test_real_biplane_x_rays_come_with_their_calibrations(data_dir):
    """Undistorted TIFFs and MayaCam files of a wrist, as they were published."""
    folder = data_dir / 'wrist_biplane'
    images = sorted(folder.glob('images/*/*_UND.0002.tif'))
    files = load_views(images, sorted(folder.glob('calibration/*.txt')))
    assert [v.image.shape for v in files.views] == [(1760, 1760)] * 2
    for v in files.views:
        assert v.mask is None
        assert np.percentile(v.image, 99) > np.percentile(v.image, 1) + 0.5  # bones attenuate
    sources = [se3.inverse(v.camera_from_reference)[:3, 3] for v in files.views]
    assert 1 < np.linalg.norm(sources[0] - sources[1]) < 2.2  # each about 1.1 m from the wrist


def test_starts_are_those_of_the_reference(tmp_path):
    class Ct:
        isocentre_m = np.array([0.01, -0.2, 0.4])

    angiogram = load_views([save(tmp_path / 'x.dcm', xray())])
    np.testing.assert_allclose(
        se3.apply(angiogram.start(Ct), Ct.isocentre_m), np.zeros(3), atol=1e-12
    )
    np.testing.assert_array_equal(load_views(*diffdrr(tmp_path)).start(Ct), np.eye(4))
    assert load_views(*mayacam(tmp_path)).start(Ct) is None


def test_masks_are_flipped_with_their_image(tmp_path):
    images, _ = dicom_with_another_camera(tmp_path)
    stored = np.zeros(PIXELS.shape, np.uint8)
    stored[3, 5] = 255
    cv2.imwrite(str(tmp_path / 'mask.png'), stored)
    mask = load_views(images, [], [tmp_path / 'mask.png']).views[0].mask
    assert np.argwhere(mask).tolist() == [[3, CAMERA.width - 1 - 5]]


def test_options_win_over_the_file(tmp_path):
    path = save(tmp_path / 'x.dcm', xray(PIXELS))
    files = load_views([path], intensity='log', flip='none')
    np.testing.assert_array_equal(files.views[0].image, PIXELS)


def refused(tmp_path, named, images, cameras=(), **options):
    with pytest.raises(InputError, match=named):
        load_views(images, cameras, **options)


def test_what_nobody_says_is_asked_for(tmp_path):
    unknown = save(tmp_path / 'unknown.dcm', xray(PixelIntensityRelationship='DISP'))
    refused(tmp_path, 'unknown.dcm.*give --intensity', [unknown])
    unmarked = save(tmp_path / 'unmarked.dcm', xray(PatientOrientation=None))
    refused(tmp_path, 'unmarked.dcm.*PatientOrientation is missing.*--image-flip', [unmarked])
    assert load_views([unmarked], flip='horizontal').views[0].image.shape == (60, 80)
    images, cameras = rtk(tmp_path)
    refused(tmp_path, 'stack.mha.*give --intensity', images, cameras)


def test_what_does_not_fit_is_refused(tmp_path):
    (image,), (camera,) = mayacam(tmp_path)
    angiogram = save(tmp_path / 'x.dcm', xray())
    without_pose = save(tmp_path / 'y.dcm', xray(DistanceSourceToPatient=None))
    refused(tmp_path, 'holds no geometry: give its --camera', [image])
    refused(tmp_path, '1 images but 2 cameras', [image], [camera, camera])
    refused(tmp_path, 'no pixel grid', [image], [f'{rtk(tmp_path)[1][0]}'])
    refused(tmp_path, 'known camera format', [image], [tmp_path / 'cam.doc'])
    refused(tmp_path, 'camera_from_reference is missing', [angiogram, without_pose])
    refused(tmp_path, 'relative to isocentre and world', [angiogram, image], [angiogram, camera])
    refused(tmp_path, "image_flip is 'left'", [angiogram], flip='left')
    write_xreg(tmp_path / 'bare.h5', [view()])
    refused(tmp_path, 'holds no pixels', [tmp_path / 'bare.h5'])
    refused(tmp_path, 'holds no pixels', [tmp_path / 'bare.h5'], [camera])
    refused(tmp_path, 'no such file', [f'{image}#1'], [camera])


def test_one_camera_files_have_no_number(tmp_path):
    _, (camera,) = mayacam(tmp_path)
    with pytest.raises(InputError, match='one camera'):
        open_view(f'{camera}#1')
    camera.rename(tmp_path / 'cam#1.txt')  # a # in a name is no number
    assert open_view(tmp_path / 'cam#1.txt').camera.width == CAMERA.width


@pytest.mark.parametrize('damage', [b'', b'ObjectType = Image\n', b'noise' * 99])
def test_projections_that_are_none_are_refused(tmp_path, damage):
    (tmp_path / 'stack.mha').write_bytes(damage)
    _, cameras = rtk_upside_down(tmp_path)
    (tmp_path / 'stack.mha').write_bytes(damage)
    refused(tmp_path, 'stack.mha', [tmp_path / 'stack.mha'], cameras[:1], intensity='raw')
