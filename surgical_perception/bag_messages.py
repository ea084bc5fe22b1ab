"""
Messages for bags from plain values: images, camera_info, poses, transforms, clouds.

They are the rosbags classes of `bags.message_class`, written without a ROS install.
"""

import numpy as np

from surgical_perception.bags import message_class
from surgical_perception.clouds import fill_cloud_message
from surgical_perception.geometry import se3
from surgical_perception.images import fill_image_message
from surgical_perception.ros import stamps


def make(kind, **fields):
    """Return a message of a type such as 'geometry_msgs/msg/Pose'; every field must be given."""
    return message_class(kind)(**fields)


def header(stamp_ns, frame_id):
    """Return a std_msgs/Header."""
    sec, nanosec = divmod(stamp_ns, stamps.NS_PER_S)
    stamp = make('builtin_interfaces/msg/Time', sec=sec, nanosec=nanosec)
    return make('std_msgs/msg/Header', stamp=stamp, frame_id=frame_id)


def pose(transform):
    """Return a geometry_msgs/Pose of a 4x4 transform (m)."""
    position, orientation = _vector_and_quaternion(transform, 'geometry_msgs/msg/Point')
    return make('geometry_msgs/msg/Pose', position=position, orientation=orientation)


def pose_stamped(stamp_ns, frame_id, transform):
    """Return a geometry_msgs/PoseStamped of a 4x4 transform (m)."""
    head = header(stamp_ns, frame_id)
    return make('geometry_msgs/msg/PoseStamped', header=head, pose=pose(transform))


def tf(stamp_ns, parent, child, parent_from_child):
    """Return a tf2_msgs/TFMessage with one 4x4 transform (m)."""
    translation, rotation = _vector_and_quaternion(parent_from_child, 'geometry_msgs/msg/Vector3')
    stamped = make(
        'geometry_msgs/msg/TransformStamped',
        header=header(stamp_ns, parent),
        child_frame_id=child,
        transform=make('geometry_msgs/msg/Transform', translation=translation, rotation=rotation),
    )
    return make('tf2_msgs/msg/TFMessage', transforms=[stamped])


def camera_info(stamp_ns, frame_id, camera, right_baseline_m=0.0):
    """
    Return the sensor_msgs/CameraInfo of a rectified PinholeCamera.

    For a right eye `right_baseline_m` is its distance from the left one: P[3] = -fx * baseline.
    """
    k, p = camera.matrix, np.hstack([camera.matrix, np.zeros((3, 1))])
    p[0, 3] = -camera.fx * right_baseline_m
    roi = make(
        'sensor_msgs/msg/RegionOfInterest',
        x_offset=0,
        y_offset=0,
        height=0,
        width=0,
        do_rectify=False,
    )
    return make(
        'sensor_msgs/msg/CameraInfo',
        header=header(stamp_ns, frame_id),
        height=camera.height,
        width=camera.width,
        distortion_model='plumb_bob',
        d=np.zeros(5),
        k=k.ravel(),
        r=np.eye(3).ravel(),
        p=p.ravel(),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )


def image(stamp_ns, frame_id, pixels, encoding):
    """Return a sensor_msgs/Image; `images.fill_image_message` says which encodings there are."""
    message = make(
        'sensor_msgs/msg/Image',
        header=header(stamp_ns, frame_id),
        height=0,
        width=0,
        encoding='',
        is_bigendian=0,
        step=0,
        data=np.empty(0, np.uint8),
    )
    fill_image_message(message, pixels, encoding)
    message.data = np.frombuffer(message.data, np.uint8)  # which rosbags serialises
    return message


def cloud(stamp_ns, frame_id, points):
    """Return a sensor_msgs/PointCloud2 of a structured array."""
    message = make(
        'sensor_msgs/msg/PointCloud2',
        header=header(stamp_ns, frame_id),
        height=0,
        width=0,
        fields=[],
        is_bigendian=False,
        point_step=0,
        row_step=0,
        data=np.empty(0, np.uint8),
        is_dense=True,
    )
    fill_cloud_message(message, points, message_class('sensor_msgs/msg/PointField'))
    message.data = np.frombuffer(message.data, np.uint8)
    return message


def _vector_and_quaternion(transform, vector_kind):
    translation, quaternion = se3.to_quaternion(transform)
    return (
        make(vector_kind, **dict(zip('xyz', translation.tolist(), strict=True))),
        make(
            'geometry_msgs/msg/Quaternion', **dict(zip('xyzw', quaternion.tolist(), strict=True))
        ),
    )
