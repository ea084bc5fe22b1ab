"""The commands of docs/your_carm.md are taken, with files of those names; its claims hold."""

import json
import re
import shlex
from pathlib import Path

import cv2
import h5py
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import yaml
from carm_scenes import CAMERA, view
from small_ct import write_small_ct
from xray_files import picture, save, xray

from surgical_perception import cli
from surgical_perception.geometry.camera import PinholeCamera, save_camera_yaml
from xray_registration.intake.diffdrr import read_diffdrr
from xray_registration.intake.files import open_view
from xray_registration.intake.mayacam import write_mayacam
from xray_registration.intake.rtk import write_rtk
from xray_registration.landmarks import load_landmarks

DOCUMENT = (Path(__file__).resolve().parents[2] / 'docs/your_carm.md').read_text()
COMMANDS = re.findall(r'^(?:Check: `)?(surgical-perception .*?)`?(?: shows.*)?$', DOCUMENT, re.M)
PIXELS = picture(CAMERA.height, CAMERA.width)


def fenced(language):
    return re.findall(rf'^```{language}\n(.*?)```', DOCUMENT, re.M | re.S)


def deepfluoro(path):
    focal_px = -1020 / 0.194
    with h5py.File(path, 'w') as file:
        parameters = file.create_group('proj-params')
        parameters['intrinsic'] = [[focal_px, 0, 199.5], [0, focal_px, 199.5], [0, 0, 1]]
        parameters['extrinsic'] = np.eye(4)
        parameters['num-cols'] = parameters['num-rows'] = 400
        file['17-1882/projections/000/image/pixels'] = picture(400, 400)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Lay out every file that the commands name."""
    monkeypatch.chdir(tmp_path)
    write_small_ct(tmp_path / 'ct.nii.gz')
    ct = nibabel.load(tmp_path / 'ct.nii.gz')
    labels = np.zeros(ct.shape, np.uint8)
    labels[9:20, 9:30, 9:40], labels[40:, 40:, 40:] = 1, 2
    nibabel.save(nibabel.Nifti1Image(labels, ct.affine), tmp_path / 'labels.nii.gz')
    save(tmp_path / 'frontal.dcm', xray())
    save(tmp_path / 'lateral.dcm', xray(np.stack([picture(), picture()])))
    for name in ('frontal.png', 'cam1.tif', 'cam2.tif'):
        cv2.imwrite(str(tmp_path / name), PIXELS)
    np.save(tmp_path / 'frontal.npy', picture(200, 200).astype(np.float32))
    save_camera_yaml(tmp_path / 'cam.yaml', CAMERA)
    for name in ('cam1.txt', 'cam2.txt'):
        write_mayacam(tmp_path / name, view())
    grid = write_rtk(tmp_path / 'geometry.xml', [view()], du_mm=0.3)
    image = sitk.GetImageFromArray(PIXELS[None].astype(np.float32))
    image.SetSpacing([grid.du_mm, -grid.dv_mm, 1.0])
    image.SetOrigin([grid.u0_mm, grid.v0_mm, 0.0])
    image.SetDirection(np.diag([1.0, -1.0, 1.0]).ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / 'stack.mha'))
    deepfluoro(tmp_path / 'deepfluoro.h5')
    pose = [1.0, 0, 0, 0, 0, 1, 0, -700, 0, 0, 1, 0, 0, 0, 0, 1]
    (tmp_path / 'pose.json').write_text(json.dumps(diffdrr_content(pose)))
    return tmp_path


def diffdrr_content(pose):
    """Fill in what the document's Python takes from DiffDRR."""
    keys = re.findall(r"'(\w+)': ([\w. -]+|\[.*?\])?", fenced('python')[0])
    plain = {key: yaml.safe_load(value.strip()) for key, value in keys if value.strip()}
    known = {'reverse_x_axis': True, 'orientation': 'AP', 'isocenter': [0.0, 0, 0], 'pose': pose}
    assert set(plain) | set(known) == {key for key, _ in keys}
    return plain | known


def test_every_command_is_one_of_the_page(folder):
    assert len(COMMANDS) == 9
    assert len({shlex.split(command)[1] for command in COMMANDS}) == 3


@pytest.mark.parametrize('command', [c for c in COMMANDS if ' register ' in c])
def test_files_and_flags_of_register_are_taken(folder, monkeypatch, command):
    """As far as the CT, which is loaded once every X-ray and camera has been read."""

    class Reached(Exception):
        pass

    def load_ct(path, labels_path=None):
        assert Path(path).is_file()
        raise Reached

    monkeypatch.setattr('xray_registration.register_cli.load_ct', load_ct)
    with pytest.raises(Reached):
        cli.main(shlex.split(command)[1:])


@pytest.mark.parametrize('command', [c for c in COMMANDS if ' register ' not in c])
def test_other_commands_run(folder, capsys, command):
    assert cli.main(shlex.split(command)[1:]) == 0, capsys.readouterr().err


def test_landmarks_are_where_the_page_says(folder):
    (command,) = [c for c in COMMANDS if ' landmarks ' in c]
    cli.main(shlex.split(command)[1:])
    assert {'pelvis.centre', 'pelvis.foot', '2.left'} <= set(load_landmarks('points.json'))


def test_the_camera_info_of_the_page_is_one(tmp_path):
    (text,) = fenced('yaml')
    (tmp_path / 'cam.yaml').write_text(text)
    found = open_view(tmp_path / 'cam.yaml')
    assert found.camera == PinholeCamera(1024, 1024, 5000, 5000, 511.5, 511.5)
    assert found.camera_from_reference[2, 3] == 0.7


def test_the_json_of_the_page_is_one(folder):
    assert read_diffdrr('pose.json').camera.fx == pytest.approx(510)


def test_the_check_of_angles_is_right(tmp_path):
    """The page says where the source is at LAO 30, CRA 10."""
    data = xray(PositionerPrimaryAngle=30.0, PositionerSecondaryAngle=10.0)
    x, y, z = open_view(save(tmp_path / 'x.dcm', data)).source_in_reference_m
    assert x < 0 < y
    assert z < 0
