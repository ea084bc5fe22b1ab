"""Live tracking over small clips: what it says in good frames, in bad ones, and of its points."""

from dataclasses import replace

import numpy as np
import pytest
from live_fakes import CAMERA, HEIGHT, PLANE_M, WIDTH, FakeMapper, plane_frame

from surg_invnerf.live.config import FitHostConfig, FlowConfig, LiveConfig
from surg_invnerf.live.pipeline import LivePipeline
from surg_invnerf.live.result import State
from surg_invnerf.tracks.result import Cause
from surgical_perception.errors import InputError

# The tests say what a deadline does; none of the others may depend on the machine's speed.
RELAXED = LiveConfig(deadline_s=60.0, grid_points=0, fit=FitHostConfig(host='lockstep', steps=1))
GRID = np.stack(np.meshgrid(np.arange(30.0, 130, 12), np.arange(20.0, 110, 12)), -1).reshape(-1, 2)


def pipeline(config=RELAXED, build=FakeMapper, **options):
    return LivePipeline(CAMERA, config, build=build, **options)


def without_fit(**changes):
    return replace(RELAXED, fit=FitHostConfig(host='off'), **changes)


def as_frame(frame, **changes):
    return replace(frame, **changes)


def test_points_of_a_moving_plane_are_followed():
    live = pipeline(without_fit())
    ids = live.add_queries(GRID)
    for index in range(6):
        result = live.process(plane_frame(index, 2 * index))
    inside = GRID[:, 0] > 45  # the rest has left, or what the right eye sees
    assert np.array_equal(result.ids, ids)
    assert result.state is State.TRACKING
    assert result.visible[inside].all()
    error_px = np.linalg.norm(result.uv - (GRID - [10, 0]), axis=1)[inside]
    assert np.median(error_px) < 0.2
    assert error_px.max() < 1
    truth = CAMERA.unproject(GRID - [10, 0], np.full(len(GRID), PLANE_M))
    assert np.abs(result.xyz_m - truth)[inside].max() < 1e-3
    assert (result.age_s[inside] == 0).mean() > 0.9
    assert (result.confidence[inside] > 0.9).all()


def test_a_point_that_leaves_the_image_is_out_of_view_and_comes_back_with_its_id():
    live = pipeline(without_fit())
    ids = live.add_queries([[30.0, 60.0], *GRID])
    shifts = [0, 12, 24, 36, 24, 12, 0]
    results = [live.process(plane_frame(i, shift)) for i, shift in enumerate(shifts)]
    assert results[3].cause[0] == Cause.OUT_OF_VIEW
    assert results[3].uv[0, 0] == pytest.approx(30 - 36, abs=1.0)
    assert results[-1].ids[0] == ids[0]
    assert results[-1].cause[0] == Cause.VISIBLE
    assert np.abs(results[-1].uv[0] - [30, 60]).max() < 1.0


def test_a_tool_hides_what_is_under_its_mask():
    live = pipeline(without_fit())
    live.add_queries(GRID)
    live.process(plane_frame(0))
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[:, :80] = True
    result = live.process(as_frame(plane_frame(1), tool=mask))
    assert (result.cause[GRID[:, 0] < 79] == Cause.TOOL).all()
    assert (result.cause[GRID[:, 0] > 95] == Cause.VISIBLE).all()


def test_results_are_finite_and_covariances_positive():
    live = pipeline()
    live.add_queries(GRID)
    for index in range(4):
        result = live.process(plane_frame(index, 5 * index))
    for values in (result.uv, result.xyz_m, result.cov_m2, result.confidence, result.age_s):
        assert np.isfinite(values).all()
    assert (np.linalg.eigvalsh(result.cov_m2.astype(float)) > 0).all()
    assert result.depth_m.shape == (HEIGHT, WIDTH)


def frames_that_show_nothing():
    good = plane_frame(1, 2)
    black = np.zeros_like(good.left)
    noise = np.random.default_rng(0).integers(0, 255, good.left.shape, np.uint8)
    return {
        'blank': as_frame(good, left=black, right=black),
        'the right image is blank': as_frame(good, right=black),
        'the left image is blank': as_frame(good, left=black),
        'equal those before': as_frame(plane_frame(0), index=1, stamp_ns=good.stamp_ns),
        'left/right swapped': as_frame(good, left=good.right, right=good.left),
        'stereo': as_frame(good, right=noise),
        'the calibration is for': as_frame(good, left=good.left[:64], right=good.right[:64]),
    }


@pytest.mark.parametrize('word', frames_that_show_nothing())
def test_a_frame_that_shows_nothing_is_named_and_nothing_in_it_is_confident(word):
    live = pipeline()
    live.add_queries(GRID)
    assert live.process(plane_frame(0)).confidence.min() > 0.5
    result = live.process(frames_that_show_nothing()[word])
    assert result.state in (State.LOST, State.DEGRADED)
    assert word in result.reason
    if result.state is State.LOST:
        assert len(result.ids) == len(GRID)
        assert (result.confidence == 0).all()
        assert (result.cause == Cause.UNKNOWN).all()
        assert np.isnan(result.depth_m).all()
        assert np.isfinite(result.uv).all()
    after = live.process(plane_frame(2, 4))
    assert after.state is State.TRACKING
    inside = GRID[:, 0] > 45
    assert np.abs(after.uv - (GRID - [4, 0]))[inside].max() < 0.5


def test_the_first_frame_may_show_nothing():
    live = pipeline()
    ids = live.add_queries(GRID)
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    result = live.process(as_frame(plane_frame(0), left=black, right=black))
    assert result.state is State.LOST
    assert len(result.ids) == 0
    result = live.process(plane_frame(1))
    assert np.array_equal(result.ids, ids)
    assert np.abs(result.uv - GRID).max() < 1e-3


def test_smoke_degrades():
    live = pipeline()
    live.add_queries(GRID)
    live.process(plane_frame(0))
    grey = plane_frame(1)
    smoke = as_frame(
        grey, left=(170 + grey.left // 12).astype(np.uint8), right=170 + grey.right // 12
    )
    result = live.process(smoke)
    assert result.state in (State.DEGRADED, State.LOST)
    assert 'contrast' in result.reason or 'stereo' in result.reason


def test_a_clock_that_jumps_back_starts_everything_over_but_the_ids():
    live = pipeline(replace(RELAXED, grid_points=30))
    first = live.process(plane_frame(0))
    live.process(plane_frame(1))
    result = live.process(plane_frame(2, 60, stamp_ns=5))
    assert len(result.ids)
    assert result.ids.min() > first.ids.max()
    assert (result.age_s == 0).all()
    off = pipeline(replace(without_fit(), grid_points=30))
    off.process(plane_frame(0))
    after = off.process(plane_frame(1, stamp_ns=5))
    assert after.state is State.DEGRADED
    assert 'jumped back by 1.000 s' in after.reason


def test_answers_from_before_a_reset_are_ignored():
    class Late(FakeMapper):
        def answer(self):
            return replace(super().answer(), frame=0)

    live = pipeline(build=Late)
    assert live.process(plane_frame(0)).fit.frame == 0
    live.reset('asked')
    result = live.process(plane_frame(1))
    assert result.fit.frame == -1
    assert 'reset: asked' in result.reason


def test_after_a_gap_flow_continues_nothing():
    live = pipeline(without_fit())
    live.add_queries(GRID)
    live.process(plane_frame(0))
    result = live.process(plane_frame(1, 60, stamp_ns=20_000_000_000))
    assert result.state is State.LOST
    assert (result.confidence <= 1).all()
    assert (result.age_s > 10).all()


def test_more_points_than_the_budget_are_refused_by_count():
    live = pipeline(without_fit(max_points=10))
    live.process(plane_frame(0))
    ids = live.add_queries(GRID[:14])
    assert (ids[:10] >= 0).all()
    assert (ids[10:] == -1).all()
    result = live.process(plane_frame(1))
    assert len(result.ids) == 10
    assert result.refusals == {'over the budget of 10 points': 4}


def test_queries_before_the_first_frame_count_against_the_budget():
    live = pipeline(without_fit(max_points=10))
    first = live.add_queries(GRID[:7])
    second = live.add_queries(GRID[:7])
    assert (first >= 0).all()
    assert (second >= 0).sum() == 3
    assert len(live.process(plane_frame(0)).ids) == 10


@pytest.mark.parametrize(
    'uv', [[-1.0, 5], [5, -0.6], [WIDTH - 0.4, 5], [np.nan, 5], [5, np.inf], [1e9, 1e9]]
)
def test_queries_outside_the_image_are_refused(uv):
    live = pipeline()
    live.process(plane_frame(0))
    assert live.add_queries([uv]).tolist() == [-1]
    assert live.process(plane_frame(1)).refusals == {'outside the image': 1}


def test_points_come_and_go_while_it_runs():
    live = pipeline()
    live.process(plane_frame(0))
    first = live.add_queries([[60.0, 60.0], [70.0, 60.0]])
    live.process(plane_frame(1))
    assert live.remove(first[:1]) == 1
    second = live.add_queries([[80.0, 60.0]])
    result = live.process(plane_frame(2))
    assert result.ids.tolist() == [first[1], second[0]]
    assert second[0] > first.max()
    assert np.abs(result.uv - [[70, 60], [80, 60]]).max() < 0.2
    assert live.next_id == second[0] + 1


def test_a_clicked_point_becomes_the_nearest_pixel():
    live = pipeline()
    live.process(plane_frame(0))
    clicked = CAMERA.unproject([[60.3, 60.4]], [PLANE_M])
    ids = live.add_points([*clicked, [0, 0, -0.1], [np.nan, 0, 0.1]])
    assert (ids >= 0).tolist() == [True, False, False]
    assert np.allclose(live.process(plane_frame(1)).uv, [[60, 60]], atol=0.2)


def test_the_grid_is_seeded_once():
    live = pipeline(replace(RELAXED, grid_points=40))
    first = live.process(plane_frame(0))
    assert 20 <= len(first.ids) <= 40
    assert np.array_equal(live.process(plane_frame(1)).ids, first.ids)


def test_points_without_time_are_counted_and_not_marked_as_followed():
    live = pipeline(without_fit(deadline_s=1e-6, flow=FlowConfig(batch=10)))
    live.add_queries(GRID)
    live.process(plane_frame(0))
    result = live.process(plane_frame(1))
    assert result.late == len(GRID) - 10
    assert result.state is State.DEGRADED
    assert f'no time for {len(GRID) - 10} points' in result.reason
    assert (result.age_s > 0).sum() >= result.late


def test_in_lockstep_no_clock_decides():
    live = pipeline(replace(RELAXED, deadline_s=1e-6, flow=FlowConfig(batch=10)))
    live.add_queries(GRID)
    live.process(plane_frame(0))
    assert live.process(plane_frame(1)).late == 0


def test_a_fit_that_is_beside_makes_it_boot_until_it_answers():
    live = pipeline(replace(RELAXED, fit=FitHostConfig(host='thread', steps=1)))
    with live:
        live.add_queries(GRID)
        assert live.process(plane_frame(0)).state is State.BOOT
        for index in range(1, 5000):
            result = live.process(plane_frame(index))
            if result.state is not State.BOOT:
                break
        assert result.state is State.TRACKING
        assert result.fit.frame >= 0
        assert result.fit.age_s >= 0


@pytest.mark.parametrize(
    'config',
    [
        LiveConfig(deadline_s=0),
        LiveConfig(max_points=0),
        LiveConfig(max_points=10, grid_points=11),
        LiveConfig(fit=FitHostConfig(host='gpu')),
        LiveConfig(fit=FitHostConfig(window=1)),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(config):
    with pytest.raises(InputError):
        LivePipeline(CAMERA, config)
