"""`surgical-perception evaluate` on small clips of every kind that holds a truth."""

import json

import clip_trees as trees
import numpy as np
import pytest
from clip_checks import write_truth

from surg_invnerf.clips import open_clip
from surg_invnerf.clips.truth import TrackTruth
from surg_invnerf.evaluation import candidate, depth_scores, scores
from surg_invnerf.evaluation.truth import truth_of
from surg_invnerf.synthetic.write import write_bag
from surgical_perception import cli
from surgical_perception.errors import InputError

WIDTH, HEIGHT, FRAMES = 160, 128, 6
CONTROLS = ['static', 'flow chaining']


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
    assert [row['frame'] for row in result['frames']] == list(range(FRAMES))
    for row in result['frames']:  # what `compare` pairs
        assert row['median_px'] == pytest.approx(0, abs=1e-9)
        assert row['delta_avg_2d'] == row['delta_avg_3d'] == 100
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


def test_a_truth_without_a_depth_map_is_refused():
    with pytest.raises(InputError, match='no depth map'):
        depth_scores.depth_scores([], iter(()), None, None, set())
