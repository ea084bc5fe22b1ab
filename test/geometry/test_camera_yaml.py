"""camera_info YAML files: written, read back, and refused with file and key."""

import numpy as np
import pytest
import yaml

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import (
    PinholeCamera,
    load_camera_yaml,
    save_camera_yaml,
)

CAMERA = PinholeCamera(64, 48, 300.0, 310.0, 30.2, 25.7)

# As ROS's camera_calibration writes it, flow style and all.
ROS_YAML = """
image_width: 64
image_height: 48
camera_name: carm
camera_matrix:
  rows: 3
  cols: 3
  data: [300., 0., 30.2, 0., 310., 25.7, 0., 0., 1.]
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix:
  rows: 3
  cols: 4
  data: [300., 0., 30.2, 0., 0., 310., 25.7, 0., 0., 0., 1., 0.]
"""


@pytest.fixture
def write(tmp_path):
    """Write a file's text and return its path."""

    def _write(text):
        path = tmp_path / 'cam.yaml'
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def test_reads_what_ros_writes(write):
    assert load_camera_yaml(write(ROS_YAML)) == (CAMERA, None)


def test_round_trip_with_pose(tmp_path):
    pose = se3.exp([0.1, -0.2, 0.3, 0.4, 0.5, -0.6])
    save_camera_yaml(tmp_path / 'cam.yaml', CAMERA, camera_from_reference=pose)
    camera, camera_from_reference = load_camera_yaml(tmp_path / 'cam.yaml')
    assert camera == CAMERA
    np.testing.assert_allclose(camera_from_reference, pose, atol=1e-15)


def test_numpy_numbers_are_written_as_plain_ones(tmp_path):
    size = np.array([48, 64])
    camera = PinholeCamera(size[1], size[0], *np.array([300.0, 310.0, 30.2, 25.7]))
    save_camera_yaml(tmp_path / 'cam.yaml', camera)
    assert load_camera_yaml(tmp_path / 'cam.yaml')[0] == CAMERA


def test_pose_may_have_rows_and_cols(write):
    data = yaml.safe_load(ROS_YAML)
    data['camera_from_reference'] = {'rows': 4, 'cols': 4, 'data': np.eye(4).ravel().tolist()}
    _, pose = load_camera_yaml(write(yaml.safe_dump(data)))
    np.testing.assert_array_equal(pose, np.eye(4))


@pytest.mark.parametrize(
    ('key', 'value', 'reason'),
    [
        ('image_width', None, 'image_width'),
        ('image_width', 'wide', 'image_width'),
        ('image_height', float('inf'), 'image_height'),
        ('camera_matrix', {'data': [1, 2, 3]}, 'camera_matrix has 3 numbers, expected 9'),
        ('camera_matrix', 7, 'camera_matrix is not a list'),
        ('projection_matrix', {'data': 'abc'}, 'projection_matrix is not a list'),
        ('projection_matrix', {'data': [[1], 2]}, 'projection_matrix is not a list'),
        ('camera_from_reference', [1, 2], 'camera_from_reference has 2 numbers'),
        ('camera_from_reference', ['a'] * 16, 'camera_from_reference is not made of numbers'),
        ('camera_from_reference', {'rows': 4}, 'camera_from_reference'),
        (
            'camera_from_reference',
            np.diag([1.0, 1, 1, 2]).ravel().tolist(),
            'camera_from_reference has the last row',
        ),
    ],
)
def test_bad_values_name_file_and_key(write, key, value, reason):
    data = yaml.safe_load(ROS_YAML)
    data[key] = value
    with pytest.raises(InputError, match=rf'cam\.yaml: .*{reason}'):
        load_camera_yaml(write(yaml.safe_dump(data)))


@pytest.mark.parametrize(
    'text',
    ['', '- 1\n- 2\n', 'a: [', b'\xff\xfe\x00', '!!python/object/apply:os.getcwd []', '[' * 5000],
    ids=['empty', 'list', 'unclosed', 'binary', 'python object', 'deep'],
)
def test_unreadable_files_are_refused(write, text):
    with pytest.raises(InputError, match=r'cam\.yaml'):
        load_camera_yaml(write(text))


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match='No such file'):
        load_camera_yaml(tmp_path / 'none.yaml')
