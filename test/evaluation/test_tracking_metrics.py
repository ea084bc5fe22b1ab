"""TAP-Vid, TAPVid-3D, trajectories, depth and bootstrap against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.errors import InputError
from surgical_perception.evaluation import tracking
from surgical_perception.evaluation.tracking import (
    accuracy,
    bootstrap,
    depth,
    ellipsoids,
    tapvid,
    tapvid3d,
    trajectories,
)

ALL = np.ones((3, 6), bool)


def line(points=3, frames=6, dimensions=2):
    """Return tracks that move by one unit a frame along x."""
    track = np.zeros((points, frames, dimensions))
    track[..., 0] = np.arange(frames) + 10 * np.arange(points)[:, None]
    track[..., -1] += 100
    return track


def test_delta_avg_is_the_mean_share_below_the_thresholds():
    errors = np.array([[0.5, 1.0, 3.0, 100.0]])
    assert tracking.delta_avg(errors, [1, 2, 4]) == pytest.approx((25 + 50 + 75) / 3)
    assert tracking.delta_avg(errors, [1, 2, 4], [[True, False, True, False]]) == pytest.approx(
        (50 + 50 + 100) / 3
    )


def test_failures_stay_in_every_statistic():
    predicted, truth = line(), line()
    predicted[1] = np.nan
    errors = tracking.point_errors(predicted, truth)
    assert np.isinf(errors[1]).all()
    assert tracking.delta_avg(errors, tracking.DELTA_PX) == pytest.approx(200 / 3)
    assert tracking.coverage(predicted) == pytest.approx(200 / 3)
    assert trajectories.mean_error(errors) == np.inf
    assert trajectories.median_error(errors) == 0
    assert trajectories.median_trajectory_error(errors) == np.inf
    assert trajectories.survival(errors) == pytest.approx(200 / 3)
    assert trajectories.jitter(predicted, truth) == 0
    predicted[2] = np.inf
    assert trajectories.jitter(predicted, truth) == np.inf
    score = tapvid.score(predicted, truth, ALL, ALL, [0, 0, 0], (256, 256))
    assert score.coverage == pytest.approx(100 / 3)
    assert score.jaccard == pytest.approx([100 / 5] * 5)  # 5 hits, 10 misses that count twice


@given(
    st.lists(st.floats(0, 40), min_size=1, max_size=30),
    st.lists(st.floats(0.1, 40), min_size=1, max_size=5, unique=True),
)
def test_delta_avg_falls_when_any_error_grows(errors, thresholds):
    thresholds = sorted(thresholds)
    value = accuracy.delta_avg(errors, thresholds)
    assert 0 <= value <= 100
    worse = [*errors[:-1], errors[-1] + 1]
    assert accuracy.delta_avg(worse, thresholds) <= value
    assert accuracy.delta_avg([*errors[:-1], np.nan], thresholds) <= value


def test_tapvid_measures_at_256_pixels():
    truth = line()
    predicted = np.add(truth, [5.0, 0.0])  # 5 of 1280 pixels are 1 of 256
    just_inside = np.add(truth, [4.99, 0.0])
    outside = tapvid.score(predicted, truth, ALL, ALL, [0, 0, 0], (1280, 1024))
    inside = tapvid.score(just_inside, truth, ALL, ALL, [0, 0, 0], (1280, 1024))
    assert outside.within.tolist() == [0, 100, 100, 100, 100]
    assert inside.within.tolist() == [100] * 5
    assert (inside.average_jaccard, outside.average_jaccard) == (100, 80)


def test_query_modes_judge_different_frames():
    assert tapvid.evaluated_frames([2], 5, 'first').tolist() == [[0, 0, 0, 1, 1]]
    assert tapvid.evaluated_frames([2], 5, 'strided').tolist() == [[1, 1, 0, 1, 1]]
    truth, visible = line(2, 7), np.ones((2, 7), bool)
    visible[1, :3] = False
    queries, index = tapvid.sample_queries(truth, visible, 'first')
    assert queries.tolist() == [[0, 100, 0], [13, 100, 3]]
    queries, index = tapvid.sample_queries(truth, visible, 'strided', stride=5)
    assert index.tolist() == [0, 0, 1]
    assert queries[:, 2].tolist() == [0, 5, 5]


def brute_force(errors, visible, found, limits, judged):
    """Count point by point; return (AJ, delta_avg, OA) in per cent."""
    jaccard, within = [], []
    for limit in limits:
        hit = false_positive = false_negative = near = 0
        for error, v, f, j in zip(*map(np.ravel, (errors, visible, found, judged)), strict=True):
            good = bool(error < limit)
            near += j and v and good
            hit += j and v and f and good
            false_positive += j and f and not (v and good)
            false_negative += j and v and not (f and good)
        jaccard.append(hit / (hit + false_positive + false_negative))
        within.append(near / (visible & judged).sum())
    right = (visible == found)[judged].mean()
    return 100 * np.mean(jaccard), 100 * np.mean(within), 100 * right


@given(st.integers(0, 10_000), st.sampled_from(['first', 'strided']))
def test_scores_are_those_of_counting_point_by_point(seed, mode):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 256, (4, 5, 2))
    predicted = truth + rng.choice([0.5, 3, 12]) * rng.normal(size=truth.shape)
    predicted[rng.random((4, 5)) < 0.1] = np.nan
    visible, found = rng.random((4, 5)) < 0.7, rng.random((4, 5)) < 0.7
    visible[0, 4] = True
    start = rng.integers(0, 4, 4)
    score = tapvid.score(predicted, truth, visible, found, start, (256, 256), mode)
    judged = tapvid.evaluated_frames(start, 5, mode)
    errors = np.linalg.norm(predicted - truth, axis=-1)
    expected = brute_force(errors, visible, found, tracking.DELTA_PX, judged)
    got = (score.average_jaccard, score.delta_avg, score.occlusion_accuracy)
    assert got == pytest.approx(expected)


def test_the_query_frame_is_never_judged():
    truth = line(1)
    predicted = truth.copy()
    predicted[:, :3] += 1000
    visible = ALL[:1]
    first = tapvid.score(predicted, truth, visible, visible, [2], (256, 256))
    strided = tapvid.score(predicted, truth, visible, visible, [2], (256, 256), 'strided')
    assert first.average_jaccard == 100
    assert strided.delta_avg == pytest.approx(60)


def test_tapvid3d_limits_grow_with_depth():
    truth = np.zeros((2, 1, 3))
    truth[:, 0, 2] = 0.05, 0.2  # metres: at f = 500 a pixel spans 0.1 and 0.4 mm
    predicted = np.add(truth, [0.0003, 0, 0])
    visible = np.ones((2, 1), bool)
    score = tapvid3d.score(predicted, truth, visible, visible, (400, 625))
    assert score.within.tolist() == [50, 50, 100, 100, 100]
    assert score.jaccard == pytest.approx([100 / 3, 100 / 3, 100, 100, 100])


def test_median_scaling_forgives_scale_only():
    rng = np.random.default_rng(0)
    truth = np.add(rng.normal(size=(5, 4, 3)), [0, 0, 50])
    visible = np.ones((5, 4), bool)
    focal = (500, 500)
    plain = tapvid3d.score(3 * truth, truth, visible, visible, focal)
    scaled = tapvid3d.score(3 * truth, truth, visible, visible, focal, 'median')
    assert (plain.average_jaccard, scaled.average_jaccard) == (0, 100)


def test_metric_thresholds_are_half_to_eight_mm():
    truth = np.zeros((1, 5, 3))
    predicted = truth.copy()
    predicted[0, :, 2] = [0.4, 0.9, 1.9, 3.9, 7.9]
    visible = np.ones((1, 5), bool)
    score = tapvid3d.score_mm(predicted, truth, visible, visible)
    assert score.within.tolist() == [20, 40, 60, 80, 100]
    assert score.delta_avg == 60


def test_hidden_truth_may_be_unknown_but_visible_truth_may_not():
    truth, visible = line(dimensions=3), ALL.copy()
    truth[0, 3], visible[0, 3] = np.nan, False
    score = tapvid3d.score(np.nan_to_num(truth), truth, visible, visible, (500, 500))
    assert (score.average_jaccard, score.occlusion_accuracy) == (100, 100)
    with pytest.raises(InputError, match='visible'):
        tapvid3d.score(np.nan_to_num(truth), truth, ALL, ALL, (500, 500))


def test_survival_ends_at_the_first_visible_failure():
    errors = np.zeros((2, 10))
    errors[0, 4], errors[1, 5] = 51, 51
    visible = np.ones((2, 10), bool)
    visible[1, 5] = False
    assert trajectories.survival(errors, visible) == pytest.approx((40 + 100) / 2)
    assert trajectories.survival(errors, visible, start=[5, 0]) == 100


def test_drift_slope_of_a_line_and_jitter_of_noise():
    errors = np.tile(0.3 * np.arange(8) + 1, (5, 1))
    errors[0] += 500  # one point that is lost tilts nothing
    assert trajectories.drift_slope(errors) == pytest.approx(0.3)
    truth = line(1, 6)
    shaking = truth + np.array([[0, 1], [0, -1]])[np.arange(6) % 2]
    drifting = truth + 0.01 * np.arange(6)[:, None] * [0, 1]
    assert trajectories.jitter(shaking, truth) == pytest.approx(2)
    assert trajectories.jitter(drifting, truth) == pytest.approx(0.01)


def test_errors_over_time_in_closed_form():
    errors = np.array([[0.0, 1.0, 2.0, 7.0], [4.0, 4.0, 4.0, 9.0]])
    assert trajectories.mean_error(errors) == pytest.approx(31 / 8)
    assert trajectories.median_error(errors) == 4
    assert trajectories.median_trajectory_error(errors) == pytest.approx((1.5 + 4) / 2)
    assert trajectories.last_frame_error(errors) == 8
    visible = np.array([[1, 1, 1, 0], [1, 1, 1, 0]])
    assert trajectories.last_frame_error(errors, visible) == 3


def test_depth_error_counts_labelled_pixels_and_missing_predictions():
    truth = np.full((10, 10), 0.1)
    truth[:5] = 0  # no label
    predicted = np.full((10, 10), 0.102)
    score = depth.score_frame(predicted, truth)
    assert score.mean_mm == pytest.approx(2)
    assert (score.labelled, score.coverage) == (50, 100)
    predicted[9, 9] = np.nan
    holed = depth.score_frame(predicted, truth)
    assert (holed.mean_mm, holed.coverage) == (np.inf, 98)
    assert holed.median_mm == pytest.approx(2)
    truth[1:] = np.nan
    truth[0] = 0.1
    assert depth.score_frame(predicted, truth) is not None
    truth[0, 0] = np.nan  # 9 % of the pixels
    assert depth.score_frame(predicted, truth) is None
    assert depth.score_frames([score, None]) == (pytest.approx(2), 1)


def test_ellipsoids_hold_what_their_covariance_promises():
    rng = np.random.default_rng(1)
    root = np.array([[2.0, 0, 0], [1, 0.5, 0], [0, 0.3, 0.1]])
    truth = np.zeros((4000, 3))
    predicted = rng.normal(size=truth.shape) @ root.T
    covariances = np.broadcast_to(root @ root.T, (4000, 3, 3))
    assert ellipsoids.share_inside(predicted, truth, covariances) == pytest.approx(95, abs=1)
    # A ball of the radius 2.7955 holds 95 % of the standard normal distribution.
    one = np.eye(3)[None]
    for radius, share in ((2.79, 100), (2.80, 0)):
        assert ellipsoids.share_inside([[0, radius, 0]], [[0, 0, 0]], one) == share
    lost = [[np.nan, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    flat = np.stack([one[0], one[0], np.diag([1.0, 1, 0]), np.nan * one[0]])
    assert ellipsoids.share_inside(lost, np.zeros((4, 3)), flat) == 25
    with pytest.raises(InputError, match='do not fit'):
        ellipsoids.share_inside(predicted, truth, covariances[:2])


def test_bootstrap_is_paired():
    rng = np.random.default_rng(3)
    hard = rng.normal(50, 20, 40)
    difference = bootstrap.paired_bootstrap(hard + 1 + 0.1 * rng.normal(size=40), hard)
    assert 0.9 < difference.low < 1 < difference.high < 1.1  # unpaired: +- 9
    assert difference.above_zero == 100
    weighted = bootstrap.paired_bootstrap([1, 0], [0, 0], weights=[3, 1])
    assert weighted.value == 0.75


@pytest.mark.parametrize(
    'call',
    [
        lambda: tracking.delta_avg([], [1, 2]),
        lambda: tracking.delta_avg([1.0], [2, 1]),
        lambda: tracking.delta_avg([1.0], [0, 1]),
        lambda: tracking.delta_avg([1.0, 2.0], [1, 2], [True]),
        lambda: tracking.delta_avg([1.0], [1, 2], [False]),
        lambda: tracking.point_errors(line(), line()[:2]),
        lambda: tracking.point_errors(line(), line(), ALL[:2]),
        lambda: tracking.point_errors([[1, 2, 3, 4]], [[1, 2, 3, 4]]),
        lambda: tracking.point_errors('ab', 'ab'),
        lambda: tracking.point_errors(line(), np.full((3, 6, 2), np.nan)),
        lambda: tapvid.score(line(), line(), ALL, ALL, [0, 0, 6], (256, 256)),
        lambda: tapvid.score(line(), line(), ALL, ALL, [0, 0, 0], (256, 256), 'last'),
        lambda: tapvid.score(line(), line(), 2 * ALL, ALL, [0, 0, 0], (256, 256)),
        lambda: tapvid3d.score(line(dimensions=3), line(dimensions=3), ALL, ALL, (0, 1)),
        lambda: tapvid3d.score(line(dimensions=3), line(dimensions=3), ALL, ALL, (1, 1), 'mean'),
        lambda: tapvid3d.score_mm(line(), line(), ALL, ALL),
        lambda: trajectories.drift_slope(np.zeros((2, 1))),
        lambda: trajectories.survival(np.zeros(4)),
        lambda: trajectories.jitter(line(), line()[:, :3]),
        lambda: depth.score_frame(np.zeros((4, 4)), np.zeros((4, 5))),
        lambda: depth.score_frames([None]),
        lambda: bootstrap.paired_bootstrap([1.0], [2.0]),
        lambda: bootstrap.paired_bootstrap({'a': 1, 'b': 2}, {'a': 1, 'c': 2}),
        lambda: bootstrap.paired_bootstrap([1.0, np.inf], [2.0, 1.0]),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(InputError):
        call()
