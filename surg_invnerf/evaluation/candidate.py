"""What is evaluated: tracks from anywhere, in the pixels of the clip, over all of its frames."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from surg_invnerf import controls, track_files
from surg_invnerf.evaluation.track_arrays import read_track_arrays
from surg_invnerf.tracks.clip_tracks import over_all_frames
from surg_invnerf.tracks.query_points import transferred
from surgical_perception.errors import InputError


@dataclass(frozen=True)
class Candidate:
    """
    Tracks of N queries over the T frames of a clip.

    uv          [N, T, 2] pixels of the left image
    xyz_m       [N, T, 3] in the left camera of each frame, or None
    visible     [N, T] bool
    cov_m2      [N, T, 3, 3] of xyz_m, or None
    depth_m     frame -> [H, W] depth (m) at working size, NaN where none; None without
    """

    name: str
    uv: np.ndarray
    xyz_m: np.ndarray | None
    visible: np.ndarray
    cov_m2: np.ndarray | None = None
    depth_m: Callable[[int], np.ndarray] | None = None


def of_result(result, name='Surg-InvNeRF'):
    """Return the Candidate of a TrackingResult."""
    model, observations = result.fit.model, result.measured.observations
    found = _of_tracks(result.tracks, name)
    return replace(found, depth_m=lambda frame: track_files.depth_map(model, observations, frame))


def of_controls(observations, queries, clip):
    """
    Return the Candidates of the controls: points that never move, and chained optical flow.

    observations    Observations of the clip, at working size
    queries         [N, 3] (u, v, frame) in pixels of the clip
    """
    working, given = observations.camera.left, clip.camera.left
    at_working_size = transferred(queries, given, working)
    found = []
    for name, track in (('static', controls.static), ('flow chaining', controls.chain)):
        tracks = track(observations, at_working_size)
        tracks = replace(tracks, uv=transferred(tracks.uv, working, given))
        found.append(_of_tracks(over_all_frames(tracks, len(clip)), name))
    return [replace(c, cov_m2=None, depth_m=_stereo_depth(observations)) for c in found]


def load(path, queries, frames):
    """
    Read tracks.npz: `uv` [N, T, 2], `visible` [N, T], and where there are `xyz_m`, `cov_m2`.

    Its points must be the queries [N, 3], in their order: `queries` in the file are compared.
    Raises InputError, naming the file, where it does not fit them or the number of frames.
    """
    arrays = read_track_arrays(path, frames)
    if len(arrays['uv']) != len(queries):
        raise InputError(
            f'{path}: holds {len(arrays["uv"])} tracks, the truth has {len(queries)} queries'
        )
    if 'queries' in arrays and not np.allclose(arrays['queries'], queries):
        raise InputError(f'{path}: holds the tracks of other queries than those of the truth')
    return Candidate(
        'tracks', arrays['uv'], arrays.get('xyz_m'), arrays['visible'], arrays.get('cov_m2')
    )


def _of_tracks(tracks, name):
    return Candidate(name, tracks.uv, tracks.xyz_m, tracks.visible, tracks.cov_m2)


def _stereo_depth(observations):
    """Return the depth that stereo measured, holes filled, as a function of the frame."""
    return lambda frame: observations.frames[frame].depth_m
