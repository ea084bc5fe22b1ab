"""Whether something that stereo sees is a tool, where no mask says it."""

import numpy as np

from surg_invnerf.model import query
from surg_invnerf.tracks.visibility import against, in_view, measurement

# Frames, spread over the model's, that are asked about a point.
_WITNESSES = 8


def is_tool(model, observations, canonical, seen_in, config):
    """
    Return for canonical points [M, 3], seen in frames seen_in [M], whether they lie on a tool.

    The model takes a tool for tissue while it is there.  Tissue stays on the surface that stereo
    measures in other frames; a tool then floats in the air in most frames that it has left.
    """
    held = [frame for frame in model.frames if frame in observations.frames]
    spread = np.rint(np.linspace(0, len(held) - 1, _WITNESSES)).astype(int)
    witnesses = np.unique(np.array(held)[spread])
    xyz_m = query.positions(model, canonical, witnesses)
    uv = query.project(observations.camera, xyz_m)
    floats, judged = np.zeros((2, len(canonical)), int)
    for column, witness in enumerate(witnesses.tolist()):
        at, depth_m = uv[:, column], xyz_m[:, column, 2]
        inside = in_view(observations.camera, at, depth_m) & (seen_in != witness)
        surface_m, sigma_m = measurement(observations.camera, observations.frames[witness], at)
        _, front = against(depth_m, surface_m, sigma_m, config.behind_m, config.behind_sigmas)
        floats += inside & front
        judged += inside & np.isfinite(sigma_m)
    return (judged > 0) & (2 * floats >= judged)
