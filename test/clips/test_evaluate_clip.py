"""`surgical-perception evaluate` on small clips of every kind that holds a truth."""

import json
from types import SimpleNamespace

import clip_trees as trees
import numpy as np
import pytest

from surg_invnerf.clips import open_clip
from surg_invnerf.clips.truth import TrackTruth
from surg_invnerf.evaluation import candidate, depth_scores, scores
from surg_invnerf.evaluation.truth import truth_of
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.synthetic.write import write_bag, write_folder
from surgical_perception import cli
from surgical_perception.errors import InputError

WIDTH, HEIGHT, FRAMES = 160, 128, 6
CONTROLS = ['static', 'flow chaining']


@pytest.fixture(scope='module')
def scene():
    config = SceneConfig(seed=1, frames=FRAMES, width=WIDTH, height=HEIGHT, tool=False, poses=True)
    clip = SyntheticClip(config)
    rendered = list(clip.frames())
    clip.frames = lambda: iter(rendered)
    return clip


@pytest.fixture(scope='module')
def known(scene):
    """Return the truth of points that are asked for in frame 0 and in frame 3."""
    queries = np.concatenate([scene.truth.tissue_grid(0, 20), [[80.0, 64.0, 3.0]]])
    return queries, scene.truth.track(queries)


@pytest.fixture(scope='module')
def folder(scene, tmp_path_factory):
    """Return the scene as a folder of images."""
    path = tmp_path_factory.mktemp('scene') / 'clip'
    write_folder(scene, path)
    return path


def write_truth(path, known, **changed):
    queries, tracks = known
    arrays = {
        'queries': queries,
        'uv': tracks.uv,
        'xyz_m': tracks.xyz_m,
        'visible': tracks.visible,
    } | changed
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def evaluate(out, *words):
    """Run the verb and return result.json, read strictly: NaN is no JSON."""
    assert cli.main(['evaluate', *map(str, words), '--out', str(out)]) == 0
    assert '<h1>' in (out / 'report.html').read_text()
    return json.loads((out / 'result.json').read_text(), parse_constant=pytest.fail)


def value(metrics, name):
    return metrics[name]['value']


def test_the_truth_itself_is_perfect_and_the_controls_are_not(tmp_path, folder, known):
    truth = write_truth(tmp_path / 'truth.npz', known)
    result = evaluate(tmp_path / 'out', folder, '--truth', truth, '--tracks', truth)
    found, controls = result['metrics'], result['controls']
    assert list(controls) == CONTROLS
    for name in ('delta_avg_2d', 'jaccard_2d', 'delta_avg_3d', 'jaccard_3d', 'tapvid_first_aj'):
        assert value(found, name) == 100
    for name in ('occlusion_accuracy', 'coverage', 'survival', 'tapvid3d_aj', 'stir2026_aj'):
        assert value(found, name) == 100
    for name in ('epe', 'epe_3d', 'jitter', 'drift', 'last_frame_error'):
        assert value(found, name) == pytest.approx(0, abs=1e-9)
    chaining, static = (value(controls[name], 'delta_avg_2d') for name in CONTROLS[::-1])
    assert chaining > static + 10
    assert value(controls['flow chaining'], 'epe') > 0
    assert found['epe']['unit'] == 'px'
    assert result['inputs']['truth']['sha256'] == result['inputs']['tracks']['sha256']
    assert set(result['inputs']) == {'left', 'right', 'calibration', 'poses', 'truth', 'tracks'}
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert 'flow chaining' in page
    assert 'coverage 100.0 %' in page


def test_lost_points_are_failures_in_every_number(tmp_path, folder, known):
    _, tracks = known
    uv = tracks.uv.copy()
    uv[::2] = np.nan
    lost = write_truth(tmp_path / 'lost.npz', known, uv=uv, xyz_m=None, queries=None)
    truth = write_truth(tmp_path / 'truth.npz', known)
    found = evaluate(tmp_path / 'out', folder, '--truth', truth, '--tracks', lost)['metrics']
    kept = tracks.visible[1::2]
    share = 100 * kept[:, 1:].sum() / tracks.visible[:, 1:].sum()
    assert value(found, 'coverage') == pytest.approx(share, abs=2)
    assert value(found, 'delta_avg_2d') == pytest.approx(value(found, 'coverage'))
    assert value(found, 'epe') is None  # infinite
    assert 'delta_avg_3d' not in found


def test_a_clip_is_tracked_where_no_tracks_are_given(tmp_path, folder, known):
    truth = write_truth(tmp_path / 'truth.npz', known)
    words = ('--truth', truth, '--steps', 8, '--device', 'cpu')
    result = evaluate(tmp_path / 'out', folder, *words)
    assert result['evaluated'] == 'Surg-InvNeRF'
    assert result['config']['steps'] == 8
    assert value(result['metrics'], 'points') == len(known[0])
    assert value(result['metrics'], 'coverage') == 100
    assert 0 <= value(result['metrics'], 'ellipsoids') <= 100
    assert value(result['metrics'], 'epe') < value(result['controls']['static'], 'epe')


def test_a_bag_with_its_truth_topic(tmp_path, scene):
    write_bag(scene, tmp_path / 'bag')
    truth = truth_of(open_clip(tmp_path / 'bag')).tracks
    expected = scene.truth.track(truth.queries)
    np.testing.assert_array_equal(truth.visible, expected.visible)
    np.testing.assert_allclose(truth.xyz_m, expected.xyz_m, atol=1e-6)
    perfect = tmp_path / 'tracks.npz'
    np.savez(perfect, uv=truth.uv, visible=truth.visible)
    result = evaluate(tmp_path / 'out', tmp_path / 'bag', '--tracks', perfect)
    assert value(result['metrics'], 'delta_avg_2d') == 100
    assert value(result['controls']['static'], 'delta_avg_2d') < 80


def test_a_stir_sequence_is_judged_by_its_end_points(tmp_path, scene, known):
    sequence = trees.write_stir(tmp_path / '07')
    left = scene.camera.left
    matrix = [[left.fx, 0, left.cx], [0, left.fy, left.cy], [0, 0, 1]]
    content = json.loads((tmp_path / '07' / 'calib.json').read_text())
    content |= {'leftcameramat': matrix, 'rightcameramat': matrix}
    content['translation'] = [-scene.camera.baseline_m, 0, 0]
    (tmp_path / '07' / 'calib.json').write_text(json.dumps(content))
    for eye in ('left', 'right'):
        video = next((tmp_path / '07' / eye).rglob('*.mp4'))
        trees.write_video(video, (getattr(frame, eye) for frame in scene.frames()))
    starts = np.array([[60, 40], [90, 70]])
    ends = scene.truth.track(np.column_stack([starts, [0, 0]])).uv[:, -1].round().astype(int)
    for name, points in (('start', starts), ('end', ends)):
        mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for u, v in points:
            mask[v - 1 : v + 2, u - 1 : u + 2] = 255
        trees.write_picture(sequence / 'segmentation' / f'icg{name}seg.png', mask)
    truth = truth_of(open_clip(sequence))
    assert sorted(truth.queries.tolist()) == [[60, 40, 0], [90, 70, 0]]
    tracks = tmp_path / 'tracks.npz'
    uv = np.repeat(truth.queries[:, None, :2], FRAMES, 1)
    uv[:, -1] = np.add(truth.end_points.uv[::-1], [5, 0])
    np.savez(tracks, uv=uv, visible=np.ones(uv.shape[:2], bool))
    result = evaluate(tmp_path / 'out', sequence, '--tracks', tracks)
    found = result['metrics']
    assert value(found, 'mean_distance') == pytest.approx(5)
    assert (value(found, 'within_4'), value(found, 'within_8')) == (0, 100)
    assert value(found, 'labels_reached') == 100
    assert value(result['controls']['flow chaining'], 'mean_distance') < 4
    labels = tmp_path / 'labels.json'
    labels.write_text(
        json.dumps({'somewhere/07/left/seq01': [[60, 40]], 'x/08/left/seq01': [[1, 1]]})
    )
    result = evaluate(tmp_path / 'other', sequence, '--tracks', tracks, '--truth', labels)
    static = np.linalg.norm(starts - starts[0], axis=1).mean()
    assert value(result['controls']['static'], 'mean_distance') == pytest.approx(static)


def test_a_scared_keyframe_is_judged_by_its_depth(tmp_path, scene):
    left = scene.camera.left
    matrix = np.array([[left.fx, 0, left.cx], [0, left.fy, left.cy], [0, 0, 1]])
    pair = trees.raw_calibration() | {'M1': matrix, 'M2': matrix}
    pair['T'] = [[-1e3 * scene.camera.baseline_m], [0], [0]]
    points = {
        index: 1e3 * scene.camera.unproject(pixels(), scene.truth.depth_m(index))
        for index in (0, 2)
    }
    points = {index: xyz.astype(np.float32) for index, xyz in points.items()}
    path = trees.write_scared(tmp_path / 'd' / 'k', FRAMES, pair, points)
    stacked = (np.vstack([frame.left, frame.right]) for frame in scene.frames())
    trees.write_video(path / 'data' / 'rgb.mp4', stacked)
    result = evaluate(tmp_path / 'out', path, '--steps', 2, '--device', 'cpu')
    stereo = result['controls']['flow chaining']
    for found in (result['metrics'], stereo):
        assert value(found, 'depth_frames') == 2
        assert value(found, 'depth_median') < 3
    assert value(stereo, 'depth_coverage') == 100


def pixels():
    return np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1)


def test_the_truth_of_a_synthetic_clip(scene):
    truth = truth_of(scene)
    assert (truth.queries[:, 2] == 0).all()
    np.testing.assert_allclose(truth.tracks.uv[:, 0], truth.queries[:, :2], atol=1e-6)
    depth = dict(truth.depth_maps())
    assert sorted(depth) == list(range(FRAMES))
    np.testing.assert_array_equal(depth[2], scene.truth.depth_m(2))


def test_depth_is_compared_at_working_size(scene):
    depth_m = scene.truth.depth_m(0)
    half = scene.camera.left.binned(2)
    smaller = depth_scores.at_size_of(depth_m, scene.camera.left, half)
    assert smaller.shape == (HEIGHT // 2, WIDTH // 2)
    mean_of_blocks = depth_m.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3))
    assert np.median(abs(smaller - mean_of_blocks)) < 2e-4


def test_numbers_that_a_short_track_does_not_have_are_left_out(scene):
    """Queried in the last frame, seen in one other: nothing follows, nothing can drift."""
    queries = np.array([[80.0, 64.0, FRAMES - 1]])
    tracks = scene.truth.track(queries)
    visible = tracks.visible & np.isin(np.arange(FRAMES), (0, FRAMES - 1))
    perfect = candidate.Candidate('perfect', tracks.uv, tracks.xyz_m, visible)
    truth = TrackTruth(queries, tracks.uv, tracks.xyz_m, visible)
    found = scores.track_scores(perfect, truth, scene.camera.left)
    assert found['delta_avg_3d'].value == found['tapvid_strided_aj'].value == 100
    assert not {'tapvid_first_aj', 'drift', 'drift_3d', 'jitter'} & set(found)


REFUSED = {
    'no truth': (lambda f, d, k: [f], 'holds no truth'),
    'no such truth': (lambda f, d, k: [f, '--truth', d / 'none.npz'], 'none.npz'),
    'another number of frames': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, visible=k[1].visible[:, :3])],
        't.npz: visible has the shape',
    ),
    'unknown visible truth': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, uv=np.nan * k[1].uv)],
        't.npz: uv holds NaN',
    ),
    'truth outside the image': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, queries=1e4 + k[0])],
        't.npz: query 0',
    ),
    'truth without queries': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, queries=None)],
        't.npz: has no array queries',
    ),
    'tracks of other queries': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--tracks', write_truth(d / 'o.npz', k, queries=k[0] + [1, 0, 0])),
        ],
        'o.npz: holds the tracks of other queries',
    ),
    'tracks of another length': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--tracks', write_truth(d / 'o.npz', k, uv=k[1].uv[:3])),
        ],
        'o.npz: visible has the shape',
    ),
    'fewer tracks than queries': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--tracks', write_truth(d / 'o.npz', (k[0][:3], cut(k[1], 3)))),
        ],
        'o.npz: holds 3 tracks',
    ),
    'words for numbers': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, uv=k[1].uv.astype(str))],
        't.npz: uv holds <U',
    ),
    'truth that is never visible': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, visible=0 * k[1].visible)],
        'no point is visible',
    ),
    'tracks are no file of tracks': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--tracks', write_truth(d / 'o.npz', k, uv=None)),
        ],
        'o.npz: has no array uv',
    ),
    'queries beside tracks': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--queries', written(d / 'q.json', [[1, 1, 0]])),
        ],
        'leave out the queries',
    ),
    'end points without queries': (
        lambda f, d, k: [f, '--truth', written(d / 'e.json', [[1, 1]])],
        'e.json: end points need the queries',
    ),
    'end points of another clip': (
        lambda f, d, k: [
            *(f, '--truth', written(d / 'e.json', {'a/b/c': [[1, 1]]})),
            *('--queries', written(d / 'q.json', [[1, 1, 0]])),
        ],
        'no labels of the clip',
    ),
    'end points that are none': (
        lambda f, d, k: [
            *(f, '--truth', written(d / 'e.json', [1, 2])),
            *('--queries', written(d / 'q.json', [[1, 1, 0]])),
        ],
        'e.json: expected end points',
    ),
}


def cut(tracks, count):
    return SimpleNamespace(**{name: array[:count] for name, array in vars(tracks).items()})


def written(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize('case', REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(tmp_path, folder, known, capsys, case):
    words, reason = REFUSED[case]
    words = ['evaluate', *map(str, words(folder, tmp_path, known)), '--out', str(tmp_path / 'out')]
    assert cli.main(words) == 2
    text = capsys.readouterr().err
    assert reason in text
    assert text.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_a_truth_without_a_depth_map_is_refused():
    with pytest.raises(InputError, match='no depth map'):
        depth_scores.depth_scores([], iter(()), None, None, set())
