"""Message validation: each refusal names the value and says what to do."""

import numpy as np
import pytest
from geometry_msgs.msg import Pose
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from surgical_perception import images
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.ros import stamps, validation


def header(sec=3, nanosec=25, frame='carm_optical'):
    out = Header(frame_id=frame)
    out.stamp.sec, out.stamp.nanosec = sec, nanosec
    return out


def image(pixels=None, encoding='mono16'):
    pixels = np.zeros((4, 6), np.uint16) if pixels is None else pixels
    return images.fill_image_message(Image(header=header()), pixels, encoding)


def camera_info(width=6, height=4, fx=100.0):
    k = [fx, 0, (width - 1) / 2, 0, fx, (height - 1) / 2, 0, 0, 1]
    return CameraInfo(header=header(), width=width, height=height, k=np.array(k, float))


def test_a_good_header_gives_its_stamp():
    assert validation.validate_header(header()) == 3_000_000_025
    assert validation.validate_header(header(), expected_frame='carm_optical')


@pytest.mark.parametrize(
    ('bad', 'reason'),
    [
        (header(sec=0, nanosec=0), 'initial_pose has stamp 0: its driver must set header.stamp'),
        (header(sec=-1), r'-1 s \+ 25 ns, which is no time'),
        (header(nanosec=10**9), '1000000000 ns'),
        (header(frame=''), 'empty frame_id: its driver must set header.frame_id'),
        (header(frame='/carm'), "'/carm': publish it without the leading slash"),
        (header(frame='ct'), "in frame 'ct', expected 'carm_optical': transform it"),
    ],
)
def test_bad_headers_are_refused(bad, reason):
    with pytest.raises(InputError, match=reason):
        validation.validate_header(bad, 'initial_pose', 'carm_optical')


def test_a_good_image_gives_its_camera():
    assert validation.validate_image(image()) is None
    camera = validation.validate_image(image(), camera_info())
    assert camera == PinholeCamera(6, 4, 100.0, 100.0, 2.5, 1.5)


@pytest.mark.parametrize(
    ('fields', 'info', 'reason'),
    [
        ({'header': header(sec=0, nanosec=0)}, None, 'image has stamp 0'),
        ({'step': 3}, None, 'step 3, a row needs 12 bytes'),
        ({'encoding': 'mono7'}, None, 'unknown'),
        ({}, camera_info(12, 8), 'is 6x4, its camera_info is for 12x8: publish'),
        ({}, camera_info(fx=0.0), r'K\[0\] = 0'),
        ({}, camera_info(fx=np.nan), 'NaN'),
    ],
)
def test_bad_images_are_refused(fields, info, reason):
    msg = image()
    for name, value in fields.items():
        setattr(msg, name, value)
    with pytest.raises(InputError, match=reason):
        validation.validate_image(msg, info)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_float_images_must_be_finite(value):
    pixels = np.ones((4, 6), np.float32)
    validation.validate_image(image(pixels, '32FC1'))
    pixels[3, 5] = value
    with pytest.raises(InputError, match='NaN or infinity'):
        validation.validate_image(image(pixels, '32FC1'))


def pose(position=(0.0, 0.0, 0.0), orientation=(0.0, 0.0, 0.0, 1.0)):
    out = Pose()
    out.position.x, out.position.y, out.position.z = position
    q = out.orientation
    q.x, q.y, q.z, q.w = orientation
    return out


@given(
    st.lists(st.floats(-10, 10), min_size=3, max_size=3),
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    st.floats(-9e-4, 9e-4),
)
def test_good_poses_become_matrices(position, rotvec, excess):
    rotation = Rotation.from_rotvec(rotvec)
    got = validation.validate_pose(pose(position, (1 + excess) * rotation.as_quat()))
    np.testing.assert_allclose(got[:3, :3], rotation.as_matrix(), atol=1e-12)
    np.testing.assert_array_equal(got[:, 3], [*position, 1.0])


@pytest.mark.parametrize(
    ('bad', 'reason'),
    [
        (pose(position=(np.nan, 0.0, 0.0)), 'start: the pose holds NaN'),
        (pose(orientation=(np.inf, 0.0, 0.0, 1.0)), 'NaN or infinity'),
        (pose(orientation=(0.0, 0.0, 0.0, 0.0)), 'norm 0, expected 1'),
        (pose(orientation=(0.0, 0.0, 0.0, 1.0011)), 'norm 1.001, expected 1'),
        (pose(orientation=(0.0, 0.0, 0.0, 0.9989)), 'norm 0.9989, expected 1'),
    ],
)
def test_bad_poses_are_refused(bad, reason):
    with pytest.raises(InputError, match=reason):
        validation.validate_pose(bad, 'start')


@given(st.lists(st.floats(-1, 1), min_size=36, max_size=36), st.floats(1e-6, 1e3))
def test_true_covariances_pass(numbers, scale):
    root = scale * np.reshape(numbers, (6, 6))
    covariance = root @ root.T
    got = validation.validate_covariance(covariance.ravel())
    np.testing.assert_array_equal(got, covariance)


def test_an_unknown_covariance_passes():
    assert not validation.validate_covariance(np.zeros(36)).any()


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({(0, 0): np.nan}, 'NaN or infinity in its covariance'),
        ({(5, 5): np.inf}, 'NaN or infinity'),
        ({(0, 1): 0.1}, 'not symmetric'),
        ({(2, 2): -0.5}, 'negative eigenvalue -0.5'),
        ({(0, 1): 2.0, (1, 0): 2.0}, 'negative eigenvalue -1'),
    ],
)
def test_false_covariances_are_refused(change, reason):
    covariance = np.eye(6)
    for place, value in change.items():
        covariance[place] = value
    with pytest.raises(InputError, match=reason):
        validation.validate_covariance(covariance.ravel(), 'initial_pose')


def test_a_covariance_has_36_numbers():
    with pytest.raises(InputError, match='9 numbers, expected 36'):
        validation.validate_covariance(np.zeros(9))


@given(st.integers(0, 2**31 * stamps.NS_PER_S - 1))
def test_stamps_survive_the_way_into_a_message_and_back(stamp_ns):
    assert stamps.to_ns(stamps.fill(Header().stamp, stamp_ns)) == stamp_ns
    whole, _, fraction = stamps.text(stamp_ns).removesuffix(' s').partition('.')
    assert int(whole + fraction) == stamp_ns and len(fraction) == 9
