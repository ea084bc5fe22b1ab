"""STIR's metrics: closed forms, and every published figure from the labels themselves."""

import json

import numpy as np
import pytest

from surgical_perception.errors import InputError
from surgical_perception.evaluation.tracking import bootstrap, stir, stir2026

# Tool-mask prompts name the 13 clips of the subset as case<K>_seq<NN>.
PROMPTS = 'STIR_Origin_Tool_mask_prompts.json'


@pytest.fixture(scope='module')
def folder(data_dir):
    path = data_dir / 'stir_labels'
    if not path.is_dir():
        pytest.skip(f'no stir_labels in {data_dir}')
    return path


def points(folder, name):
    return stir.load_points(folder / f'STIR_{name}_points.json')


def baseline(folder, tracker):
    return stir.load_points(folder / 'baselines' / f'positions_all{tracker}.json')


@pytest.mark.parametrize(
    ('tracker', 'delta_avg', 'clip_mean_px'),
    [('MFT', 68.50, 24.917), ('CSRT', 52.57, 70.397), ('RAFT', 47.04, 65.829)],
)
def test_published_scores_of_trackers(folder, tracker, delta_avg, clip_mean_px):
    score = stir.score(baseline(folder, tracker), points(folder, 'Origin_GT_2D_end'))
    assert (score.clips, score.points, score.coverage) == (487, 3524, 100)
    assert score.delta_avg == pytest.approx(delta_avg, abs=0.005)
    assert score.mean_of_clip_means == pytest.approx(clip_mean_px, abs=0.0005)


def test_published_scores_of_the_static_control(folder):
    score = stir.score(points(folder, 'Origin_Query_2D'), points(folder, 'Origin_GT_2D_end'))
    assert score.points == 3524
    assert score.delta_avg == pytest.approx(28.63, abs=0.005)
    assert score.mean_of_clip_means == pytest.approx(102.323, abs=0.0005)


@pytest.mark.parametrize(
    ('kind', 'thresholds', 'delta_avg'),
    [('2D', stir.THRESHOLDS_PX, 41.13), ('3D', stir.THRESHOLDS_MM, 53.88)],
)
def test_published_static_controls_of_the_challenge(folder, kind, thresholds, delta_avg):
    queries, labels = (
        points(folder, f'Challenge_{name}') for name in (f'Query_{kind}', f'GT_{kind}_end')
    )
    assert stir.score(queries, labels, thresholds).delta_avg == pytest.approx(delta_avg, abs=0.005)


def test_published_score_of_the_subset(folder):
    prompts = json.loads((folder / PROMPTS).read_text())
    subset = [f'{case[4:]}/left/{seq}' for case, seq in (key.split('_') for key in prompts)]
    tracked, labels = baseline(folder, 'MFT'), points(folder, 'Origin_GT_2D_end')
    score = stir.score({c: tracked[c] for c in subset}, {c: labels[c] for c in subset})
    assert score.clips == 13
    assert score.delta_avg == pytest.approx(68.76, abs=0.005)


def test_a_paired_bootstrap_over_clips_tells_mft_from_csrt(folder):
    labels = points(folder, 'Origin_GT_2D_end')
    per_clip = [
        stir.score(baseline(folder, tracker), labels).clip_means for tracker in ('MFT', 'CSRT')
    ]
    difference = bootstrap.paired_bootstrap(*per_clip, samples=500)
    assert difference.value == pytest.approx(24.917 - 70.397, abs=0.001)
    assert difference.low < difference.value < difference.high < 0
    assert difference.above_zero == 0


def test_the_nearest_label_counts_and_a_lost_point_is_a_failure():
    predicted = {'a': [[0, 0], [0.0, 3.0], [np.nan, 1.0]], 'b': [[100, 104]]}
    labelled = {'a': [[0, 0], [50, 50]], 'b': [[100, 100]]}
    score = stir.score(predicted, labelled, [3, 4])
    assert score.shares.tolist() == [50, 75]  # on the threshold is within
    assert score.delta_avg == 62.5
    assert score.coverage == 75
    assert score.reached == pytest.approx(100 * 2 / 3)
    assert score.clip_means['b'] == 4
    assert score.mean_of_clip_means == np.inf


@pytest.mark.parametrize(
    ('predicted', 'labelled', 'reason'),
    [
        ({}, {}, 'no clip'),
        ({}, {'a': [[0, 0]]}, 'no end points'),
        ({'a': [[0, 0]], 'b': [[0, 0]]}, {'a': [[0, 0]]}, 'no labels'),
        ({'a': [[0, 0, 0]]}, {'a': [[0, 0]]}, 'do not fit'),
        ({'a': [[0, 0]]}, {'a': [[0, np.nan]]}, 'NaN'),
        ({'a': [0, 0]}, {'a': [[0, 0]]}, 'shape'),
    ],
)
def test_clips_that_do_not_fit_are_refused(predicted, labelled, reason):
    with pytest.raises(InputError, match=reason):
        stir.score(predicted, labelled)


@pytest.mark.parametrize(
    'text', ['{', '[]', '{"x/1/left/seq0": [[1]]}', '{"a/1/2/3": 0, "b/1/2/3": 0}']
)
def test_a_damaged_label_file_is_refused_by_name(tmp_path, text):
    path = tmp_path / 'labels.json'
    path.write_text(text)
    with pytest.raises(InputError, match=r'labels\.json'):
        stir.load_points(path)


def test_stir_2026_counts_a_far_visible_point_twice():
    truth = np.zeros((1, 4, 2))
    predicted = np.array([[[1, 0], [3, 0], [0, 0], [2, 0]]])  # 2 px is not below 2 px
    visible = np.array([[1, 1, 1, 0]])
    found = np.array([[1, 1, 0, 1]])
    score = stir2026.score(predicted, truth, visible, found, [2, 4])
    # 2 px: 1 TP, 2 FP (far; hidden), 2 FN (far; said hidden); 4 px: 2 TP, 1 FP, 1 FN
    assert score.jaccard.tolist() == [20, 50]
    assert score.average_jaccard == 35
    assert score.within == pytest.approx([200 / 3, 100])
    assert score.occlusion_accuracy == 50


def test_latency_leaves_out_the_warm_up_of_each_clip():
    warm_up = [1000.0] * stir2026.WARM_UP_FRAMES
    assert stir2026.latency_p95_ms([warm_up + [5.0] * 30, warm_up + [7.0] * 30]) == 7
    assert stir2026.latency_p95_ms([warm_up + [np.nan] + [5.0] * 5]) == np.inf
    with pytest.raises(InputError, match='too short'):
        stir2026.latency_p95_ms([warm_up])
