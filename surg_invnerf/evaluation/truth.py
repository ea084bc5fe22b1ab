"""The truth that a clip holds, or a file brings: tracks, end points, depth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from surg_invnerf.clips.bag import BagClip
from surg_invnerf.clips.files import read_json
from surg_invnerf.clips.queries import grid, load_queries
from surg_invnerf.clips.scared import ScaredClip
from surg_invnerf.clips.stir import StirClip
from surg_invnerf.clips.truth import EndPointTruth, TrackTruth
from surg_invnerf.evaluation.track_arrays import read_track_arrays
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.tracks.query_points import checked_queries
from surgical_perception.errors import InputError
from surgical_perception.evaluation.tracking import stir
from surgical_perception.evaluation.tracking.tapvid import evaluated_frames

# Points along a side of the grid on a synthetic clip.
_SYNTHETIC_SPACING = 20
# Depth is judged in so many of its frames: rendering it takes a second each.
_DEPTH_FRAMES = 10


@dataclass(frozen=True)
class Truth:
    """
    What tracks of a clip are compared with; what is not known is None.

    queries     [N, 3] (u, v, frame), pixels of the clip: the points to track
    tracks      TrackTruth of the queries
    end_points  EndPointTruth
    depth_maps  () -> iterator of (frame, depth_m [H, W]), NaN where unknown
    """

    queries: np.ndarray
    tracks: TrackTruth | None = None
    end_points: EndPointTruth | None = None
    depth_maps: object = None


def truth_of(clip, queries_path=None, truth_path=None):
    """
    Return the Truth of a Clip; raises InputError where neither it nor a file knows any.

    queries_path    JSON of [[u, v, frame], ...], where the truth can be had for any point
    truth_path      .npz of true tracks (`queries`, `uv`, `visible`, `xyz_m`), or .json of end
                    points: [[u, v], ...], or STIR's {clip: [[u, v], ...]}
    """
    queries = None if queries_path is None else load_queries(queries_path, clip)
    if truth_path is not None:
        return _from_file(Path(truth_path), clip, queries, queries_path)
    if isinstance(clip, SyntheticClip):
        return _synthetic(clip, queries)
    if isinstance(clip, ScaredClip):
        return Truth(grid(clip) if queries is None else queries, depth_maps=clip.depth_maps)
    if isinstance(clip, StirClip):
        found = clip.end_points()
        _refuse_queries(queries_path, 'the labelled start points are')
        return Truth(found.queries, end_points=found)
    tracks = clip.track_truth() if isinstance(clip, BagClip) else None
    if tracks is None:
        raise InputError(f'{clip.name}: holds no truth to compare with: give a file of it')
    _refuse_queries(queries_path, 'the points of the truth are')
    return Truth(tracks.queries, tracks)


def _synthetic(clip, queries):
    if queries is None:
        spacing_px = max(clip.camera.left.width // _SYNTHETIC_SPACING, 1)
        queries = clip.truth.tissue_grid(0, spacing_px)
    found = clip.truth.track(queries)

    def depth_maps():
        for frame in np.unique(np.linspace(0, len(clip) - 1, _DEPTH_FRAMES).round().astype(int)):
            # The model is one of tissue: the instrument in front of it is none of its business.
            hidden = clip.truth.tool(frame)
            yield int(frame), np.where(hidden, np.float32(np.nan), clip.truth.depth_m(frame))

    tracks = TrackTruth(queries, found.uv, found.xyz_m, found.visible)
    return Truth(queries, tracks, depth_maps=depth_maps)


def _from_file(path, clip, queries, queries_path):
    if path.suffix == '.npz':
        _refuse_queries(queries_path, f'the points of {path} are')
        tracks = _load_tracks(path, clip)
        return Truth(tracks.queries, tracks)
    if queries is None and isinstance(clip, StirClip):
        queries = clip.end_points().queries
    if queries is None:
        raise InputError(f'{path}: end points need the queries that they began as: give queries')
    labels = _load_end_points(path, clip)
    return Truth(queries, end_points=EndPointTruth(queries, labels))


def _load_tracks(path, clip):
    arrays = read_track_arrays(path, len(clip), ('queries', 'uv', 'visible'))
    try:
        queries = checked_queries(arrays['queries'], clip.camera.left, len(clip))
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    visible = arrays['visible']
    for name in ('uv', 'xyz_m'):
        if name in arrays and not np.isfinite(arrays[name][visible]).all():
            raise InputError(f'{path}: {name} holds NaN or infinity where points are visible')
    if not (visible & evaluated_frames(queries[:, 2].astype(int), len(clip), 'strided')).any():
        raise InputError(f'{path}: no point is visible in any frame but that of its query')
    return TrackTruth(queries, arrays['uv'], arrays.get('xyz_m'), visible)


def _load_end_points(path, clip):
    if isinstance(read_json(path), dict):
        labelled = stir.load_points(path)
        if clip.name not in labelled:
            raise InputError(f'{path}: has no labels of the clip {clip.name}')
        labels = labelled[clip.name]
    else:
        try:
            labels = np.asarray(read_json(path), float)
        except (TypeError, ValueError):
            labels = np.empty(0)
    if labels.ndim != 2 or labels.shape[1] != 2 or not np.isfinite(labels).all():
        raise InputError(f'{path}: expected end points [[u, v], ...]')
    return labels


def _refuse_queries(path, whose):
    if path is not None:
        raise InputError(f'{path}: {whose} tracked: leave out the queries')
