"""Results of live tracking as ROS messages."""

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from surg_invnerf.kinematics import KinematicState
from surg_invnerf.live.result import State
from surg_invnerf.tracks.result import Cause
from surgical_perception.clouds import fill_cloud_message
from surgical_perception.geometry import se3
from surgical_perception.images import fill_image_message
from surgical_perception.ros import stamps
from surgical_perception.ros.diagnostics import ERROR, OK, WARN, Report

_LEVELS = {State.TRACKING: OK, State.BOOT: WARN, State.DEGRADED: WARN, State.LOST: ERROR}

TRACK = np.dtype(
    [(name, 'f4') for name in ('x', 'y', 'z', 'rgb')]
    + [('track_id', 'u4'), ('u', 'f4'), ('v', 'f4'), ('visible', 'u1'), ('confidence', 'f4')]
    + [(f'cov_{axes}', 'f4') for axes in ('xx', 'xy', 'xz', 'yy', 'yz', 'zz')]
    + [('age', 'f4'), ('cause', 'u1')]
)
SURFACE = np.dtype(
    [(name, 'f4') for name in ('x', 'y', 'z', 'rgb', 'normal_x', 'normal_y', 'normal_z')]
    + [(name, 'f4') for name in ('flow_x', 'flow_y', 'flow_z')]
)


def packed_rgb(rgb):
    """Return colours [N, 3] uint8 as float32 [N], the bits of which RViz and PCL read."""
    red, green, blue = np.asarray(rgb, np.uint32).reshape(-1, 3).T
    return (red << 16 | green << 8 | blue).astype(np.uint32).view(np.float32)


def tracks_message(header, result, max_age_s):
    """Return the points that were measured within `max_age_s` as PointCloud2, in id order."""
    keep = result.age_s <= max_age_s
    points = np.zeros(np.count_nonzero(keep), TRACK)
    for column, name in enumerate('xyz'):
        points[name] = result.xyz_m[keep, column]
    points['rgb'] = packed_rgb(result.rgb[keep])
    points['track_id'] = result.ids[keep]
    points['u'], points['v'] = result.uv[keep].T
    points['visible'] = result.visible[keep]
    points['confidence'] = result.confidence[keep]
    for row, column, name in zip(*np.triu_indices(3), TRACK.names[9:15], strict=True):
        points[name] = result.cov_m2[keep, row, column]
    points['age'] = result.age_s[keep]
    points['cause'] = result.cause[keep]
    return fill_cloud_message(PointCloud2(header=header), points)


def surface_message(header, surface):
    """Return a Surface as PointCloud2 with colour, normal and scene flow (m to the next frame)."""
    points = np.zeros(len(surface), SURFACE)
    for prefix, vectors in (
        ('', surface.points_m),
        ('normal_', surface.normals),
        ('flow_', surface.flow_m),
    ):
        for axis, values in zip('xyz', vectors.T, strict=True):
            points[prefix + axis] = values
    points['rgb'] = packed_rgb(surface.rgb)
    return fill_cloud_message(PointCloud2(header=header), points)


def depth_messages(header, depth_m, camera):
    """Return depth [h, w] (m, NaN where unknown) as Image 32FC1, and its CameraInfo."""
    info = CameraInfo(header=header, width=camera.width, height=camera.height)
    info.distortion_model, info.d = 'plumb_bob', [0.0] * 5
    info.k = camera.matrix.ravel().tolist()
    info.r = np.eye(3).ravel().tolist()
    info.p = np.hstack([camera.matrix, np.zeros((3, 1))]).ravel().tolist()
    return fill_image_message(Image(header=header), depth_m, '32FC1'), info


def picture_message(header, picture):
    """Return an RGB picture as Image."""
    return fill_image_message(Image(header=header), picture, 'rgb8')


def camera_pose_message(header, world_frame, world_from_camera):
    """
    Return the pose of the left camera as PoseWithCovarianceStamped, at the stamp of `header`.

    Its covariance is zero, which means unknown: robots do not publish one.
    """
    message = PoseWithCovarianceStamped()
    message.header.frame_id, message.header.stamp = world_frame, header.stamp
    translation, quaternion = se3.to_quaternion(world_from_camera)
    pose = message.pose.pose
    pose.position.x, pose.position.y, pose.position.z = translation.tolist()
    orientation = pose.orientation
    orientation.x, orientation.y, orientation.z, orientation.w = quaternion.tolist()
    return message


def result_report(tracked, latency_s):
    """Return the Report of a Tracked: state, reason, and the numbers behind them."""
    result, state = tracked.result, tracked.state
    text = state.name + (f': {tracked.reason}' if tracked.reason else '')
    causes = np.bincount(result.cause, minlength=len(Cause))
    hidden = ', '.join(
        f'{causes[cause]} {cause.name.lower()}' for cause in Cause if cause and causes[cause]
    )
    refused = ', '.join(f'{count} {reason}' for reason, count in result.refusals.items())
    return Report(
        _LEVELS[state],
        text,
        {
            'state': state.name,
            'reason': tracked.reason,
            'image_stamp': stamps.text(tracked.pair.stamp_ns),
            'points': len(result.ids),
            'visible': int(np.count_nonzero(result.visible)),
            'hidden': hidden,
            'refused_queries': refused,
            'late_points': result.late,
            'disagreement_mm': float(result.disagreement_mm),
            'camera_pose': tracked.pose.state.name if tracked.pose else 'NONE',
            'fit_frame': result.fit.frame,
            'fit_age_s': float(result.fit.age_s),
            'fit_steps': result.fit.steps,
            'fit_skipped': result.fit.skipped,
            'time_s': float(result.latency_s),
            'latency_s': latency_s,
        },
    )


def pose_report(pose, problems):
    """Return the Report of the camera pose of a frame: a KinematicPose, or None without any."""
    if pose is None:
        return Report(OK, KinematicState.NONE.value)
    if pose.state is KinematicState.TRACKING:
        return Report(OK, pose.state.value, {'age_s': pose.age_s})
    return Report(ERROR, '; '.join(problems), {'age_s': pose.age_s})


def lost_report(reason, stamp_ns=None):
    """Return the Report of a pair that could not be used, or of none having come."""
    values = {'state': State.LOST.name, 'reason': reason}
    if stamp_ns is not None:
        values['image_stamp'] = stamps.text(stamp_ns)
    return Report(ERROR, f'{State.LOST.name}: {reason}', values)
