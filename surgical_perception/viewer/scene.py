"""
ROS messages as what the rerun viewer draws, by type.

Frames keep their names: each transform of /tf becomes one between named frames, and whatever has
a header hangs in the frame that it names.  Metres stay metres.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from surgical_perception.clouds import TRIANGLE_LIST, cloud_from_message
from surgical_perception.errors import InputError
from surgical_perception.images import image_from_message, rgb_from_message
from surgical_perception.viewer.sdk import rerun_sdk

TIMELINE = 'stamp'

# Radius of the ellipsoid that holds 95 % of a normal distribution in three dimensions, in sigmas.
_SIGMAS = 2.795
# Share of the darkest and of the brightest pixels that a display may clip.
_CLIPPED_PERCENT = 0.5
_JPEG_QUALITY = 85
# The image is drawn this far from a camera: a detector stands a metre from its source, tissue a
# tenth of one from an endoscope.  A C-arm sees a cone of 20 degrees, an endoscope one of 60.
_NARROW, _DETECTOR_M, _TISSUE_M = 2.0, 1.0, 0.1
_POINT_RADIUS_M = 0.0008
_AXIS_M = 0.05
# What nobody knows is given as a huge number, which would flatten every curve beside it.
_UNKNOWN = 1e5
_LEVELS = {0: 'INFO', 1: 'WARN', 2: 'ERROR', 3: 'WARN'}


class Scene:
    """Logs messages to a recording, and knows which frames and images it has seen."""

    def __init__(self, recording):
        """Take a rerun RecordingStream."""
        self._rr = rerun_sdk()
        self._recording = recording
        self._parents = {}  # child frame -> parent frame
        self._skipped = set()
        self.images = []  # entities of images, in the order of their first appearance
        self.overlays = []

    @property
    def root_frame(self):
        """The frame that most others hang on, '' before any transform."""
        roots = [self._root(frame) for frame in self._parents]
        return max(roots, key=roots.count) if roots else ''

    def add(self, topic, msgtype, message, stamp_ns):
        """
        Draw one message at a time; types that have no picture are passed over.

        message     of rclpy or rosbags
        stamp_ns    used where the message has no stamp of its own
        """
        draw = _DRAWN.get(msgtype)
        if draw is None:
            return
        self._rr.set_time(
            TIMELINE,
            timestamp=np.datetime64(_stamp_ns(message) or stamp_ns, 'ns'),
            recording=self._recording,
        )
        try:
            draw(self, topic.lstrip('/'), message)
        except InputError as error:
            if topic not in self._skipped:
                self._skipped.add(topic)
                self._log(f'log/{topic.lstrip("/")}', self._rr.TextLog(str(error), level='ERROR'))

    def _log(self, entity, *drawn, static=False):
        self._rr.log(entity, *drawn, static=static, recording=self._recording)

    def _root(self, frame):
        seen = set()
        while frame in self._parents and frame not in seen:
            seen.add(frame)
            frame = self._parents[frame]
        return frame

    def _transforms(self, topic, message):
        for item in message.transforms:
            t, q = item.transform.translation, item.transform.rotation
            parent, child = item.header.frame_id, item.child_frame_id
            self._parents[child] = parent
            stamp_ns = _ns(item.header.stamp)
            if stamp_ns:
                self._rr.set_time(
                    TIMELINE, timestamp=np.datetime64(stamp_ns, 'ns'), recording=self._recording
                )
            self._log(
                f'tf/{child}',
                self._rr.Transform3D(
                    translation=[t.x, t.y, t.z],
                    quaternion=[q.x, q.y, q.z, q.w],
                    parent_frame=parent,
                    child_frame=child,
                ),
                self._rr.CoordinateFrame(child),
                self._rr.TransformAxes3D(_AXIS_M),
                static=topic.endswith('tf_static'),
            )

    def _camera(self, topic, message):
        frame, k = message.header.frame_id, np.asarray(message.k, float).reshape(3, 3)
        if k[0, 0] <= 0:
            raise InputError(f'{topic}: camera_info is uncalibrated (K[0] = {k[0, 0]:g})')
        narrow = k[0, 0] > _NARROW * message.width
        self._log(
            f'cameras/{frame}',
            self._rr.Pinhole(
                image_from_camera=k,
                resolution=[message.width, message.height],
                camera_xyz=self._rr.ViewCoordinates.RDF,
                parent_frame=frame,
                child_frame=_image_frame(frame),
                image_plane_distance=_DETECTOR_M if narrow else _TISSUE_M,
            ),
        )

    def _image(self, topic, message):
        entity = f'images/{topic}'
        if entity not in self.images + self.overlays:
            (self.overlays if topic.endswith('overlay') else self.images).append(entity)
        if message.encoding in ('mono8', 'mono16', '8UC1', '16UC1', '32FC1'):
            drawn = self._rr.Image(_for_display(image_from_message(message)), 'L')
        else:
            drawn = self._rr.Image(rgb_from_message(message))
        self._log(
            entity,
            drawn.compress(_JPEG_QUALITY),
            self._rr.CoordinateFrame(_image_frame(message.header.frame_id)),
        )

    def _pose(self, topic, message):
        pose = message.pose
        covariance = getattr(pose, 'covariance', None)
        pose = pose.pose if covariance is not None else pose
        p, q = pose.position, pose.orientation
        self._log(
            f'poses/{topic}',
            self._rr.CoordinateFrame(message.header.frame_id),
            self._rr.Arrows3D(
                vectors=_AXIS_M * Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix().T,
                origins=[[p.x, p.y, p.z]] * 3,
                colors=[[230, 60, 60], [60, 180, 60], [70, 100, 230]],
            ),
        )
        if covariance is None:
            return
        variances, axes = np.linalg.eigh(np.asarray(covariance, float).reshape(6, 6)[:3, :3])
        axes[:, 2] *= np.sign(np.linalg.det(axes)) or 1.0  # a rotation, no reflection
        self._log(
            f'poses/{topic}/ellipsoid_95',
            self._rr.CoordinateFrame(message.header.frame_id),
            self._rr.Ellipsoids3D(
                centers=[[p.x, p.y, p.z]],
                half_sizes=[_SIGMAS * np.sqrt(np.maximum(variances, 0))],
                quaternions=[Rotation.from_matrix(axes).as_quat()],
                colors=[[230, 159, 0, 120]],
                fill_mode='solid',
            ),
        )

    def _marker(self, topic, message):
        if message.type != TRIANGLE_LIST or message.action != 0:
            return
        corners = np.array([[p.x, p.y, p.z] for p in message.points], np.float32).reshape(-1, 3)
        vertices, triangles = np.unique(corners, axis=0, return_inverse=True)
        colour = message.color
        self._log(
            f'surfaces/{topic}',
            self._rr.CoordinateFrame(message.header.frame_id),
            self._rr.Mesh3D(
                vertex_positions=vertices,
                triangle_indices=triangles.reshape(-1, 3),
                vertex_normals=_normals(vertices, triangles.reshape(-1, 3)),
                albedo_factor=[colour.r, colour.g, colour.b, colour.a],
            ),
            static=_stamp_ns(message) == 0,
        )

    def _markers(self, topic, message):
        for marker in message.markers:
            self._marker(f'{topic}/{marker.ns}/{marker.id}', marker)

    def _cloud(self, topic, message):
        points = cloud_from_message(message).ravel()
        names = points.dtype.names
        if not {'x', 'y', 'z'} <= set(names):
            raise InputError(f'{topic}: the cloud has fields {names}, but no x, y, z')
        xyz = np.stack([points[axis] for axis in 'xyz'], -1).astype(np.float32)
        finite = np.isfinite(xyz).all(1)
        colours = None
        if 'rgb' in names:
            packed = np.ascontiguousarray(points['rgb'][finite]).view(np.uint32)
            colours = np.stack([packed >> 16, packed >> 8, packed], -1).astype(np.uint8)
        self._log(
            f'points/{topic}',
            self._rr.CoordinateFrame(message.header.frame_id),
            self._rr.Points3D(xyz[finite], colors=colours, radii=_POINT_RADIUS_M),
        )

    def _status(self, topic, message):
        level = message.level[0] if isinstance(message.level, bytes) else int(message.level)
        text = self._rr.TextLog(message.message, level=_LEVELS.get(level, 'ERROR'))
        self._log(f'log/{topic}', text)
        for item in message.values:
            try:
                value = float(item.value)
            except ValueError:
                continue
            if abs(value) < _UNKNOWN:
                self._log(f'numbers/{topic}/{item.key}', self._rr.Scalars(value))


def _stamp_ns(message):
    header = getattr(message, 'header', None)
    return _ns(header.stamp) if header else 0


def _ns(stamp):
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def _image_frame(frame):
    return f'{frame} (image)'


def _for_display(pixels):
    """Stretch grey pixels [H, W] of any type to uint8."""
    values = pixels.astype(np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(finite, [_CLIPPED_PERCENT, 100 - _CLIPPED_PERCENT])
    scaled = (np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-12)
    return (255 * np.clip(scaled, 0, 1)).astype(np.uint8)


def _normals(vertices, triangles):
    """Return the mean normal [N, 3] of the triangles at each vertex, by their areas."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], faces)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


_DRAWN = {
    'tf2_msgs/msg/TFMessage': Scene._transforms,
    'sensor_msgs/msg/CameraInfo': Scene._camera,
    'sensor_msgs/msg/Image': Scene._image,
    'sensor_msgs/msg/PointCloud2': Scene._cloud,
    'geometry_msgs/msg/PoseStamped': Scene._pose,
    'geometry_msgs/msg/PoseWithCovarianceStamped': Scene._pose,
    'visualization_msgs/msg/Marker': Scene._marker,
    'visualization_msgs/msg/MarkerArray': Scene._markers,
    'diagnostic_msgs/msg/DiagnosticStatus': Scene._status,
}
DRAWN_TYPES = tuple(_DRAWN)
