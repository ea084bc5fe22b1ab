"""Tracks over all frames of a clip, where some of its frames could not be used."""

from dataclasses import replace

import numpy as np

from surg_invnerf.tracks.result import Cause


def over_all_frames(tracks, count):
    """
    Return Tracks over the frames 0 to count - 1.

    In a frame that was not used a point is where it was in the nearest used one, as UNKNOWN,
    without confidence, and with the way between the used frames around it as its uncertainty.
    """
    frames = np.arange(count)
    used = tracks.frames
    if np.array_equal(frames, used):
        return tracks
    after = np.clip(np.searchsorted(used, frames), 0, len(used) - 1)
    before = np.clip(np.searchsorted(used, frames, 'right') - 1, 0, len(used) - 1)
    nearest = np.where(abs(used[after] - frames) < abs(frames - used[before]), after, before)
    missing = ~np.isin(frames, used)
    way = tracks.xyz_m[:, after] - tracks.xyz_m[:, before]
    cov_m2 = tracks.cov_m2[:, nearest] + way[..., :, None] * way[..., None, :]
    return replace(
        tracks,
        frames=frames,
        uv=tracks.uv[:, nearest],
        xyz_m=tracks.xyz_m[:, nearest],
        cause=np.where(missing, np.uint8(Cause.UNKNOWN), tracks.cause[:, nearest]),
        cov_m2=cov_m2.astype(np.float32),
        confidence=np.where(missing, np.float32(0), tracks.confidence[:, nearest]),
    )
