"""True tracks that a simulator recorded: one cloud per frame, one point per track."""

import numpy as np

from surg_invnerf.clips.truth import TrackTruth
from surgical_perception.clouds import cloud_from_message
from surgical_perception.errors import InputError
from surgical_perception.ros import stamps

FIELDS = ('x', 'y', 'z', 'u', 'v', 'track_id', 'visible')


def read_truth(bag, topic, image_stamps):
    """
    Return the TrackTruth of a topic of PointCloud2 with the fields x y z u v track_id visible.

    bag             open BagReader
    image_stamps    [T] stamps (ns) of the frames; clouds of other stamps are passed over

    A point's query is where it is first visible; points that never are, are left out.  A track
    that a cloud lacks is hidden there.  Raises InputError where fields or all stamps are missing.
    """
    frame_of = {stamp_ns: frame for frame, stamp_ns in enumerate(image_stamps)}
    clouds = {}
    for _, _, message in bag.messages([topic]):
        points = cloud_from_message(message).ravel()
        missing = [name for name in FIELDS if name not in (points.dtype.names or ())]
        if missing:
            raise InputError(f'{topic} has no field {", ".join(missing)}')
        frame = frame_of.get(stamps.to_ns(message.header.stamp))
        if frame is not None:
            clouds[frame] = points.copy()
    if not clouds:
        raise InputError(f'{topic}: no cloud has the stamp of an image')
    ids = np.unique(np.concatenate([points['track_id'] for points in clouds.values()]))
    shape = (len(ids), len(image_stamps))
    uv, xyz_m = np.full((*shape, 2), np.nan), np.full((*shape, 3), np.nan)
    visible = np.zeros(shape, bool)
    for frame, points in clouds.items():
        row = np.searchsorted(ids, points['track_id'])
        uv[row, frame] = np.stack([points[name] for name in 'uv'], -1)
        xyz_m[row, frame] = np.stack([points[name] for name in 'xyz'], -1)
        visible[row, frame] = points['visible'] != 0
    if not (np.isfinite(uv[visible]).all() and np.isfinite(xyz_m[visible]).all()):
        raise InputError(f'{topic}: a visible point holds NaN or infinity')
    if not visible.any():
        raise InputError(f'{topic}: no point is ever visible')
    seen = visible.any(1)
    uv, xyz_m, visible = uv[seen], xyz_m[seen], visible[seen]
    first = visible.argmax(1)
    queries = np.column_stack([uv[np.arange(len(uv)), first], first])
    return TrackTruth(queries, uv, xyz_m, visible)
