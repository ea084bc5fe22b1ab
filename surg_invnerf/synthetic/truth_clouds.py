"""True tracks as point clouds, one per frame: what a recorded simulation says of itself."""

import numpy as np

# Of the grid on frame 0 whose points are recorded.
_STEP_PX = 16

_POINT = np.dtype(
    [(name, 'f4') for name in ('x', 'y', 'z', 'u', 'v')] + [('track_id', 'u4'), ('visible', 'u1')]
)


def truth_clouds(truth):
    """
    Return a structured array [N] per frame, with the fields x y z u v track_id visible.

    x, y, z (m) in the left camera of the frame, u, v in its image; points are tissue of frame 0.
    """
    tracks = truth.track(truth.tissue_grid(0, _STEP_PX))
    clouds = []
    for frame in range(tracks.uv.shape[1]):
        points = np.empty(len(tracks.uv), _POINT)
        for names, values in (('xyz', tracks.xyz_m), ('uv', tracks.uv)):
            for axis, name in enumerate(names):
                points[name] = values[:, frame, axis]
        points['track_id'] = np.arange(len(points))
        points['visible'] = tracks.visible[:, frame]
        clouds.append(points)
    return clouds
