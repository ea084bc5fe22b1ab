"""`surgical-perception camera`: what a file says, and the camera_info YAML made of it."""

from dataclasses import replace

import numpy as np
from carm_scenes import CAMERA, CAMERA_FROM_REFERENCE, assert_same, view
from xray_files import save, xray

from surgical_perception import cli
from surgical_perception.geometry.camera import load_camera_yaml
from xray_registration.intake.files import open_view
from xray_registration.intake.mayacam import write_mayacam


def test_a_camera_becomes_camera_info(tmp_path, capsys):
    write_mayacam(tmp_path / 'cam.txt', view())
    assert cli.main(['camera', str(tmp_path / 'cam.txt'), '--out', str(tmp_path / 'c.yaml')]) == 0
    camera, pose = load_camera_yaml(tmp_path / 'c.yaml')
    assert camera == CAMERA
    np.testing.assert_allclose(pose, CAMERA_FROM_REFERENCE)
    assert 'MayaCam 2.0' in capsys.readouterr().out


def test_the_yaml_is_that_of_the_stored_image(tmp_path, capsys):
    """As CameraInfo is; what is mirrored is told, and undone by image_flip."""
    path = save(tmp_path / 'x.dcm', xray())
    assert cli.main(['camera', str(path), '--out', str(tmp_path / 'c.yaml')]) == 0
    printed = capsys.readouterr().out
    assert 'image_flip  horizontal' in printed
    assert 'source      0.0, 720.0, 0.0 mm in isocentre' in printed
    found, expected = open_view(tmp_path / 'c.yaml'), open_view(path)
    assert found.flip is None
    assert_same(replace(found, flip='horizontal'), expected)


def test_what_is_unknown_is_said(tmp_path, capsys):
    unknown = {'PixelIntensityRelationship': 'DISP', 'PositionerPrimaryAngle': None}
    path = save(tmp_path / 'x.dcm', xray(**unknown))
    assert cli.main(['camera', str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {'image_flip  unknown', 'intensity   unknown', 'pose        unknown'} <= set(lines)


def test_a_file_that_is_none_is_refused(tmp_path, capsys):
    assert cli.main(['camera', str(tmp_path / 'none.txt')]) == 2
    assert 'none.txt' in capsys.readouterr().err
