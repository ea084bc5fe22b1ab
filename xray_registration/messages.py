"""Results as ROS messages."""

from geometry_msgs.msg import PoseWithCovarianceStamped
from sensor_msgs.msg import Image
from visualization_msgs.msg import Marker

from surgical_perception.clouds import fill_triangle_marker
from surgical_perception.geometry import se3
from surgical_perception.images import fill_image_message
from surgical_perception.ros import stamps
from surgical_perception.ros.diagnostics import ERROR, OK, WARN, Report
from xray_registration.result import Verdict

_BONE_RGBA = (0.92, 0.87, 0.76, 1.0)
_LEVELS = {Verdict.OK: OK, Verdict.DEGRADED: WARN, Verdict.REJECTED: ERROR}


def pose_message(frame, stamp_ns, result):
    """Return the pose of the CT with its covariance (m, rad) as PoseWithCovarianceStamped."""
    message = PoseWithCovarianceStamped()
    message.header.frame_id = frame
    stamps.fill(message.header.stamp, stamp_ns)
    translation, quaternion = se3.to_quaternion(result.reference_from_ct)
    pose = message.pose.pose
    pose.position.x, pose.position.y, pose.position.z = translation.tolist()
    orientation = pose.orientation
    orientation.x, orientation.y, orientation.z, orientation.w = quaternion.tolist()
    message.pose.covariance = result.covariance.ravel().tolist()
    return message


def result_report(registered, latency_s):
    """Return the Report of a result: level, reason, and the numbers behind them."""
    result = registered.result
    right, down, depth = (float(sigma) for sigma in result.sigma_mm)
    text = result.verdict.value + (f': {result.reason}' if result.reason else '')
    evidence, seen = result.evidence, result.observability
    return Report(
        _LEVELS[result.verdict],
        text,
        {
            'verdict': result.verdict.value,
            'reason': result.reason,
            'image_stamp': stamps.text(registered.shot.stamp_ns),
            'reference_frame': registered.reference,
            'start': registered.registration.start_name,
            'mask': registered.mask,
            'similarity': float(result.similarity),
            'cost': float(result.cost),
            'agreement': float(evidence.agreement) if evidence else float('nan'),
            'gain': float(evidence.gain) if evidence else float('nan'),
            'observability': seen.text() if seen else '',
            'sigma_right_mm': right,
            'sigma_down_mm': down,
            'sigma_depth_mm': depth,
            'calibration': result.calibration.text() if result.calibration else '',
            'solver': result.status.value,
            'iterations': result.iterations,
            'starts': result.starts,
            'time_s': float(result.time_s),
            'latency_s': latency_s,
        },
    )


def refusal_report(shot, reason):
    """Return the Report of a shot from which no result could be computed."""
    return Report(
        ERROR,
        f'REJECTED: {reason}',
        {
            'verdict': Verdict.REJECTED.value,
            'reason': reason,
            'image_stamp': stamps.text(shot.stamp_ns),
        },
    )


def picture_message(header, picture, encoding):
    """Return an overlay ('rgb8') or DRR ('32FC1') as Image, with the X-ray's header."""
    return fill_image_message(Image(header=header), picture, encoding)


def surface_message(frame, vertices, triangles):
    """Return the bone surface (m, in the CT's frame) as Marker; stamp 0: it moves with TF."""
    marker = Marker(ns='ct_surface', frame_locked=True)
    marker.header.frame_id = frame
    return fill_triangle_marker(marker, vertices, triangles, _BONE_RGBA)
