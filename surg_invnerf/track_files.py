"""What a tracked clip leaves on the disk: tracks, model, surfaces, depth, pictures."""

from dataclasses import asdict

import cv2
import numpy as np

from surg_invnerf import export, pictures, session
from surg_invnerf.model import query
from surg_invnerf.surface import surface
from surg_invnerf.tracks.result import Cause
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import save_camera_yaml

TRACKS, MODEL, DEPTH = 'tracks.npz', 'model.npz', 'depth'
OVERLAY, VIDEO = 'overlay.png', 'overlay.mp4'

_SURFACES = 3
_STRIP = 6
# Depth is rendered on every so-many-th pixel: it is smooth, and a ray costs 20 microseconds.
_DEPTH_STRIDE = 2
# A ray that is less opaque has met no tissue.
_MIN_OPACITY = 0.5
_DEPTH_NOTE = """NNNNNN.tiff: depth of frame NNNNNN, rendered from the fitted model.
float32, metres along the optical axis of the left camera; NaN where there is no tissue, or where
an instrument was reported.  The pixels are those of camera.yaml.
"""


def write_tracks(folder, result):
    """Write tracks.npz: the arrays of Tracks, `visible`, `queries`, names of the causes."""
    tracks = result.tracks
    arrays = {
        **asdict(tracks),
        'visible': tracks.visible,
        'queries': result.queries,
        'cause_names': np.array([cause.name for cause in Cause]),
    }
    export.write_npz(folder / TRACKS, arrays)


def write_model(folder, result):
    """Write model.npz, with which the session can be resumed; ids as in tracks.npz."""
    points, ids = result.points, result.tracks.ids
    model = result.fit.model
    session.save(folder / MODEL, model, points.canonical, points.sigma_m, ids, int(ids.max()) + 1)


def write_surfaces(folder, result):
    """Write surface_NNNNNN.ply of some frames, evenly spread; return {frame: Surface}."""
    observations, model = result.measured.observations, result.fit.model
    made = {}
    for frame in spread(sorted(observations.frames), _SURFACES):
        made[frame] = surface(model, observations, frame)
        export.write_cloud(folder / f'surface_{frame:06d}.ply', made[frame])
    return made


def write_depth(folder, result, progress=lambda *_: None):
    """Write depth/NNNNNN.tiff of every frame, with its camera and a note."""
    observations = result.measured.observations
    target = folder / DEPTH
    target.mkdir(exist_ok=True)
    (target / 'README.txt').write_text(_DEPTH_NOTE, encoding='utf-8')
    save_camera_yaml(target / 'camera.yaml', observations.camera.left, 'endoscope_left')
    for done, frame in enumerate(sorted(observations.frames), 1):
        depth_m = depth_map(result.fit.model, observations, frame)
        if not cv2.imwrite(str(target / f'{frame:06d}.tiff'), depth_m):
            raise InputError(f'{target}: depth cannot be written: is the disk full?')
        progress(done, len(observations.frames))


def depth_map(model, observations, frame, stride=_DEPTH_STRIDE):
    """Return the rendered depth [H, W] float32 (m) of a frame; NaN where it shows no tissue."""
    observed = observations.frames[frame]
    height, width = observed.depth_m.shape
    # Centres of blocks of stride x stride pixels, as cv2.resize understands a smaller image.
    v, u = (np.arange(n // stride) * stride + (stride - 1) / 2 for n in (height, width))
    grid = np.stack(np.meshgrid(u, v), -1)
    depth_m, opacity, _ = query.rendered_depth(model, observations, frame, grid.reshape(-1, 2))
    maps = (x.reshape(grid.shape[:2]).astype(np.float32) for x in (depth_m, opacity))
    depth_m, opacity = (cv2.resize(x, (width, height)) for x in maps)
    hidden = opacity < _MIN_OPACITY
    if observed.tool is not None:
        hidden |= observed.tool
    depth_m[hidden] = np.nan
    return depth_m


def write_overlay(folder, clip, result):
    """Write the overlay video, and a strip of some of its pictures; return the strip's path."""
    chosen = set(spread(range(len(clip)), _STRIP))
    kept = []

    def pictured():
        tracks = result.tracks
        colours = pictures.point_colours(result.queries[:, :2])
        for frame in clip.frames():
            upto = slice(0, frame.index + 1)
            picture = pictures.draw_tracks(
                frame.left, tracks.uv[:, upto], tracks.visible[:, upto], colours
            )
            if frame.index in chosen:
                kept.append(picture)
            yield picture

    if not pictures.save_video(folder / VIDEO, pictured(), clip.fps):
        (folder / VIDEO).unlink(missing_ok=True)
        kept.clear()
        for _ in pictured():  # no encoder: the strip alone
            pass
    pictures.save_png(folder / OVERLAY, pictures.strip(kept))
    return folder / OVERLAY


def spread(items, count):
    """Return `count` of the items, or all, from the first to the last, evenly."""
    items = list(items)
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places.tolist()]
