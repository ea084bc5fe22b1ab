"""What the node published: recorded clouds as tracks, and its last surface and overlays."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.surface import Surface
from surgical_perception.bags import read_messages
from surgical_perception.clouds import cloud_from_message
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.images import image_from_message
from surgical_perception.ros import stamps

NODE = 'surg_invnerf_node'
TRACKS, STATUS, POSE, SURFACE, OVERLAY = (
    f'/{NODE}/{name}' for name in ('tracks', 'status', 'camera_pose', 'surface', 'overlay')
)
TOPICS = (TRACKS, STATUS, POSE, SURFACE, OVERLAY)


@dataclass(frozen=True)
class PublishedTracks:
    """
    Points over the T frames of a clip, as ~/tracks had them; NaN where one was not published.

    ids         [N]
    queries     [N, 3] (u, v, frame): where each was first published
    uv, xyz_m, cov_m2   [N, T, ...]
    visible     [N, T] bool
    frames      [K] frames for which anything was published
    """

    ids: np.ndarray
    queries: np.ndarray
    uv: np.ndarray
    xyz_m: np.ndarray
    cov_m2: np.ndarray
    visible: np.ndarray
    frames: np.ndarray


@dataclass(frozen=True)
class Recording:
    """
    The outputs of the node.

    tracks      PublishedTracks
    statuses    {frame: {key: value}} of ~/status
    surface     the last Surface, its `frame` being that of the clip; None where none came
    poses       {frame: world_from_camera [4, 4]}
    overlays    {frame: picture [H, W, 3]}
    """

    tracks: PublishedTracks
    statuses: dict
    surface: Surface | None
    poses: dict
    overlays: dict


def read_recording(path, stamps_ns):
    """
    Read a recorded bag; `stamps_ns` [T] are those of the clip's frames.

    Raises InputError where no tracks were published.
    """
    frame_of = {stamp: frame for frame, stamp in enumerate(stamps_ns)}
    clouds, statuses, poses, overlays, surface = {}, {}, {}, {}, None
    for topic, _, message in read_messages(path):
        if topic == STATUS:
            values = {item.key: item.value for item in message.values}
            stamp_ns = stamps.from_text(values['image_stamp']) if 'image_stamp' in values else 0
        else:
            stamp_ns = stamps.to_ns(message.header.stamp)
        frame = frame_of.get(stamp_ns)
        if frame is None:
            continue  # a status before the first image
        if topic == STATUS:
            statuses[frame] = values
        elif topic == TRACKS:
            clouds[frame] = cloud_from_message(message)
        elif topic == POSE:
            poses[frame] = _transform(message.pose.pose)
        elif topic == OVERLAY:
            overlays[frame] = image_from_message(message)
        elif topic == SURFACE:
            surface = _surface(frame, cloud_from_message(message))
    if not clouds:
        raise InputError(f'{path}: {NODE} published no tracks')
    return Recording(_tracks(clouds, len(stamps_ns)), statuses, surface, poses, overlays)


def _tracks(clouds, count):
    """Return PublishedTracks of {frame: structured array}."""
    frames = np.array(sorted(clouds))
    ids = np.unique(np.concatenate([cloud['track_id'] for cloud in clouds.values()]))
    uv = np.full((len(ids), count, 2), np.nan)
    xyz_m, cov_m2 = np.full((*uv.shape[:2], 3), np.nan), np.full((*uv.shape[:2], 3, 3), np.nan)
    visible = np.zeros(uv.shape[:2], bool)
    for frame in frames.tolist():
        cloud = clouds[frame]
        rows = np.searchsorted(ids, cloud['track_id'])
        uv[rows, frame] = _columns(cloud, 'u', 'v')
        xyz_m[rows, frame] = _columns(cloud, 'x', 'y', 'z')
        names = [f'cov_{axes}' for axes in ('xx', 'xy', 'xz', 'xy', 'yy', 'yz', 'xz', 'yz', 'zz')]
        cov_m2[rows, frame] = _columns(cloud, *names).reshape(-1, 3, 3)
        visible[rows, frame] = cloud['visible'] > 0
    first = np.isfinite(uv[..., 0]).argmax(1)
    queries = np.column_stack([uv[np.arange(len(ids)), first], first])
    return PublishedTracks(ids, queries, uv, xyz_m, cov_m2, visible, frames)


def _surface(frame, cloud):
    return Surface(
        frame,
        _columns(cloud, 'x', 'y', 'z').astype(np.float32),
        np.ascontiguousarray(cloud['rgb']).view(np.uint8).reshape(-1, 4)[:, 2::-1],
        _columns(cloud, 'normal_x', 'normal_y', 'normal_z').astype(np.float32),
        _columns(cloud, 'flow_x', 'flow_y', 'flow_z').astype(np.float32),
    )


def _columns(cloud, *names):
    return np.stack([cloud[name] for name in names], -1).astype(float)


def _transform(pose):
    p, q = pose.position, pose.orientation
    return se3.from_quaternion([p.x, p.y, p.z], [q.x, q.y, q.z, q.w])
