"""`surgical-perception demo`, its second half: bag, node, evaluation, pictures, page."""

from dataclasses import replace
from pathlib import Path

import yaml

import surg_invnerf.synthetic
from surg_invnerf import controls, track_files, track_report
from surg_invnerf.clips import open_clip
from surg_invnerf.demo import evaluate, present
from surg_invnerf.demo.recording import read_recording
from surg_invnerf.demo.scene import DemoConfig
from surg_invnerf.pipeline import TrackingPipeline
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.write import write_bag
from surg_invnerf.tracks.clip_tracks import over_all_frames
from surg_invnerf.tracks.query_points import transferred
from surgical_perception import bags
from surgical_perception.demo import Outcome
from surgical_perception.errors import InputError
from surgical_perception.evaluation import results
from surgical_perception.progress_bars import bars
from surgical_perception.runtime.demo_launch import launch
from surgical_perception.runtime.made_once import key_of, made_once

LAUNCH_FILE = 'endo_demo.launch.xml'
_RECORDING, _OFFLINE = 'recording', 'offline'

# Start-up, the clip and a slow machine; a graph that hangs must not hang the demo.
_LAUNCH_LIMIT_S = 300
# Of the time between two pairs: the rest is for what the deadline does not count.
_DEADLINE_SHARE = 0.75


def run(folder, cache, console, config=None):
    """
    Run the demo into `folder` and return its Outcome; inputs are kept in the folder `cache`.

    Raises InputError with the reason where a step fails; what was recorded until then stays.
    """
    config = config or DemoConfig()
    clip = SyntheticClip(config.scene)
    bag = _make_bag(console, cache, clip)
    replayed = open_clip(str(bag))
    pipeline = TrackingPipeline(config.tracking)
    # Before the node starts: what it needs compiled is then there.
    result = _track_offline(console, folder / _OFFLINE, pipeline, replayed)
    recording_path, log = folder / _RECORDING, folder / 'nodes.log'
    arguments = {
        'bag': bag,
        'record': recording_path,
        'rate': config.rate,
        'params_file': _node_parameters(folder / 'node.yaml', config),
    }
    launch(console, LAUNCH_FILE, arguments, log, _LAUNCH_LIMIT_S)
    try:
        recording = read_recording(recording_path, [f.stamp_ns for f in replayed.frames()])
    except InputError as error:
        raise InputError(f'{error}: the nodes say why in {log}') from None
    with console.status('comparing with the truth'):
        contestants = _contest(clip, replayed, pipeline, result, recording.tracks)
    numbers = evaluate.summarise(contestants, recording, clip)
    with console.status('drawing'):
        present.present(folder, clip, config, recording, result, contestants, numbers)
    results.write_result(
        folder,
        numbers,
        config={'demo': config},
        inputs={'bag': bag, 'recording': recording_path},
        seed=config.scene.seed,
        extra={'contestants': contestants},
    )
    return Outcome(
        present.TITLE,
        present.summary_line(contestants, config),
        numbers,
        folder / present.OVERLAYS,
        (bag, recording_path),
    )


def _make_bag(console, cache, clip):
    sources = sorted(Path(surg_invnerf.synthetic.__file__).parent.glob('*.py'))
    path = cache / f'endo-{key_of(clip.config, [*sources, bags.__file__])}'
    with bars(console) as show:

        def make(path):
            write_bag(_Watched(clip, show), path)

        made_once(path, make)
        show('rendering', len(clip), len(clip), '')
    return path


def _track_offline(console, folder, pipeline, clip):
    """Fit the whole clip, write all that `track` does but depth, and return the result."""
    folder.mkdir()
    with bars(console) as show:
        result = pipeline.run(clip, None, show)
    track_files.write_tracks(folder, result)
    track_files.write_surfaces(folder, result)
    overlay = track_files.write_overlay(folder, clip, result)
    config = pipeline.config
    track_report.write_result(folder, result, clip, config, clip.sources, config.seed)
    track_report.write_report(folder, result, clip, overlay)
    return result


def _node_parameters(path, config):
    """Give the node the time that there is: the replay is slower than the endoscope."""
    period_s = 1 / (config.rate * config.scene.fps)
    content = {'compute': {'deadline_s': round(_DEADLINE_SHARE * period_s, 3)}}
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': content}}), encoding='utf-8')
    return path


def _contest(clip, replayed, pipeline, result, published):
    """Track the node's points in two other ways, and return the three Contestants."""
    rows = evaluate.known_points(published, clip)
    queries = published.queries[rows]
    truth = clip.truth.track(queries)
    observations = result.measured.observations
    _, offline = pipeline.track(replayed, result.fit, observations, queries)
    working, given = observations.camera.left, replayed.camera.left
    chained = controls.chain(observations, transferred(queries, given, working))
    chained = over_all_frames(
        replace(chained, uv=transferred(chained.uv, working, given)), len(clip)
    )
    node = (published.uv[rows], published.xyz_m[rows], published.visible[rows])
    return [
        evaluate.contest(evaluate.NODE, truth, queries, *node, published.cov_m2[rows]),
        *(
            evaluate.contest(
                name, truth, queries, tracks.uv, tracks.xyz_m, tracks.visible, tracks.cov_m2
            )
            for name, tracks in ((evaluate.OFFLINE, offline), (evaluate.CHAINING, chained))
        ),
    ]


class _Watched:
    """A clip that says how far its reading has come."""

    def __init__(self, clip, show):
        self._clip, self._show = clip, show

    def __getattr__(self, name):
        return getattr(self._clip, name)

    def __len__(self):
        return len(self._clip)

    def frames(self):
        for frame in self._clip.frames():
            yield frame
            self._show('rendering', frame.index + 1, len(self), '')
