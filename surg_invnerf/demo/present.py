"""The demo's pictures and page, from its recording and its contest."""

import numpy as np

from surg_invnerf import export, pictures
from surg_invnerf.demo.evaluate import CHAINING, NODE, OFFLINE
from surg_invnerf.surface import mesh, surface
from surg_invnerf.track_files import spread
from surg_invnerf.track_scene import TrackView, track_scene
from surgical_perception import demo
from surgical_perception.errors import InputError
from surgical_perception.evaluation import plots, report
from surgical_perception.geometry import se3

TITLE = 'Endoscope tracking demo'
OVERLAYS, SCENE, CURVES, SURFACE = 'overlays.png', 'scene.png', 'errors.png', 'surface.ply'

_COLOURS = {NODE: plots.AFTER, OFFLINE: '#009E73', CHAINING: plots.BEFORE}
_LABELS = {
    NODE: 'the node, live',
    OFFLINE: 'fit of the whole clip',
    CHAINING: 'chained optical flow (DIS)',
}
_STRIP = 6


def present(folder, clip, config, recording, offline, contestants, numbers):
    """
    Write overlays, 3D scene, PLY, curves and the page into `folder`.

    offline     TrackingResult of the whole clip: its surface is shown where the node, on a busy
                machine, came to none
    """
    sections = [_curves(folder / CURVES, clip, contestants), _table(contestants)]
    sections.insert(0, _overlays(folder / OVERLAYS, clip, recording))
    tissue, whose = recording.surface, 'that the node published'
    if tissue is None:
        last = max(offline.measured.observations.frames)
        tissue = surface(offline.fit.model, offline.measured.observations, last)
        whose = 'of the fit of the whole clip (the node published none)'
    export.write_cloud(folder / SURFACE, tissue)
    poses = _poses(offline)
    sections.insert(1, _scene(folder / SCENE, clip, recording.tracks, tissue, whose, poses))
    report.write_report(
        folder / demo.REPORT,
        TITLE,
        summary_line(contestants, config),
        numbers,
        sections,
        'The clip is synthetic: deforming tissue with highlights, noise and a passing instrument. '
        'offline/report.html has the fit of the whole clip. Research use only.',
    )


def summary_line(contestants, config):
    """Return the outcome in one sentence."""
    by_name = {c.name: c.scores for c in contestants}
    scores = [f'{by_name[n].delta_px:.0f} % ({_LABELS[n]})' for n in (NODE, OFFLINE, CHAINING)]
    return (
        f'Tissue points within 1 to 16 px of the truth (delta_avg) over {config.scene.frames} '
        f'frames at {config.rate * config.scene.fps:g} pairs a second: {", ".join(scores)}.'
    )


def _overlays(path, clip, recording):
    """Draw what the node published on the clip's images."""
    tracks = recording.tracks
    uv, visible = carried_on(tracks.uv), tracks.visible
    colours = pictures.point_colours(tracks.queries[:, :2])
    drawn = []
    for frame in spread(tracks.frames.tolist(), _STRIP):
        here = np.isfinite(tracks.uv[:, frame, 0])
        drawn.append(
            pictures.draw_tracks(
                clip.frame(frame).left,
                uv[here, : frame + 1],
                visible[here, : frame + 1],
                colours[here],
            )
        )
    pictures.save_png(path, pictures.strip(drawn))
    return report.Section(
        'What the node published',
        'Points of ~/tracks on the images of the clip: dots are seen, with their way; grey rings '
        'are where the node has points that are hidden.',
        path,
    )


def carried_on(uv):
    """Return uv [N, T, 2] with each gap filled by the position before it, or the first one."""
    known = np.isfinite(uv[..., 0])
    frames = np.arange(uv.shape[1])
    last = np.maximum.accumulate(np.where(known, frames, -1), axis=1)
    last = np.where(last < 0, known.argmax(1)[:, None], last)
    return np.take_along_axis(uv, last[..., None], 1)


def _poses(offline):
    """Return {frame: world_from_camera} by kinematics."""
    frames = offline.measured.observations.frames
    return {index: frame.world_from_camera for index, frame in frames.items()}


def _scene(path, clip, tracks, tissue, whose, poses):
    poses = np.stack([poses[frame] for frame in range(tissue.frame + 1)])
    made = mesh(tissue)
    in_world = np.full_like(tracks.xyz_m[:, : tissue.frame + 1], np.nan)
    for frame, pose in enumerate(poses):
        in_world[:, frame] = se3.apply(pose, tracks.xyz_m[:, frame])
    in_world[~tracks.visible[:, : tissue.frame + 1]] = np.nan
    view = TrackView(
        vertices=se3.apply(poses[-1], made.vertices_m.astype(float)),
        triangles=made.triangles,
        rgb=made.rgb,
        tracks=in_world,
        colours=pictures.point_colours(tracks.queries[:, :2]),
        poses=poses,
        camera=clip.camera.left,
        image=clip.frame(tissue.frame).left,
    )
    title = 'Tracks and surface'
    try:
        track_scene(path, view)
    except InputError as error:
        return report.Section(title, str(error))
    return report.Section(
        title,
        f'The surface {whose}, meshed; the way of each point of the node while it was seen, in '
        'the frame of the robot; the endoscope with its image, and its way.',
        path,
    )


def _curves(path, clip, contestants):
    seconds = np.arange(len(clip)) / clip.fps
    fig, (top, bottom) = plots.figure(2, 1, height_in=6.2, sharex=True)
    for contestant in contestants:
        label, colour = _LABELS[contestant.name], _COLOURS[contestant.name]
        top.plot(seconds, contestant.error_px, '.-', ms=4, color=colour, label=label)
        bottom.plot(seconds, contestant.error_mm, '.-', ms=4, color=colour, label=label)
    top.set_ylabel('2D error (px)')
    bottom.set_ylabel('3D error (mm)')
    bottom.set_xlabel('time in the clip (s)')
    for ax in (top, bottom):
        ax.set_ylim(bottom=0)
    top.legend(frameon=False)
    fig.align_ylabels()
    fig.savefig(path)
    return report.Section(
        'Errors against the truth',
        'Mean over the points that are truly visible in a frame, the same ones for all three: '
        'those that the node laid out by itself.',
        path,
    )


def _table(contestants):
    return report.Section(
        'Side by side',
        header=(
            '',
            '2D delta_avg (%)',
            '3D delta_avg (%)',
            'mean (px)',
            'last frame (px)',
            'visibility (%)',
            'in 95 % ellipsoid (%)',
        ),
        rows=tuple(
            (
                _LABELS[c.name],
                c.scores.delta_px,
                c.scores.delta_mm,
                c.scores.mean_px,
                c.scores.last_px,
                c.scores.visibility,
                c.scores.ellipsoid,
            )
            for c in contestants
        ),
    )
