"""Whether what hides a point is tissue or a tool, where no mask says it."""

import numpy as np

from surg_invnerf.model import query
from surg_invnerf.tracks.visibility import against, in_view, measurement

# Frames, spread over the model's, that are asked about an occluder.
_WITNESSES = 8


def is_tissue(model, observations, pixels, config):
    """
    Return for pixels [M, 3] (u, v, frame), which hide a point each, whether they show tissue.

    Tissue stays on the surface that stereo measures in other frames.  A tool is carried along by
    the model as if it were tissue, and floats in the air in most frames that it has left.
    """
    held = [frame for frame in model.frames if frame in observations.frames]
    spread = np.rint(np.linspace(0, len(held) - 1, _WITNESSES)).astype(int)
    witnesses = np.unique(np.array(held)[spread])
    canonical = query.canonical_points(model, observations, pixels).canonical
    xyz_m = query.positions(model, canonical, witnesses)
    uv = query.project(observations.camera, xyz_m)
    floats, judged = np.zeros((2, len(pixels)), int)
    for column, witness in enumerate(witnesses.tolist()):
        at, depth_m = uv[:, column], xyz_m[:, column, 2]
        inside = in_view(observations.camera, at, depth_m) & (pixels[:, 2] != witness)
        surface_m, sigma_m = measurement(observations.camera, observations.frames[witness], at)
        _, front = against(depth_m, surface_m, sigma_m, config.behind_m, config.behind_sigmas)
        floats += inside & front
        judged += inside & np.isfinite(sigma_m)
    return 2 * floats < judged
