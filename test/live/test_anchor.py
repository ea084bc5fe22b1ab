import numpy as np
import pytest
from live_fakes import CAMERA, PLANE_M

from surg_invnerf.live.anchor import Anchor, Answer, fused_px
from surg_invnerf.live.config import AnchorConfig
from surg_invnerf.live.points import POINT

CONFIG = AnchorConfig(step_px=1.0, gate_sigma=3.0, patience=3)


def table(count=4, sigma_px=2.0):
    rows = np.zeros(count, POINT)
    rows['id'] = np.arange(count) + 10
    rows['uv'] = 60.0 + 5 * np.arange(count)[:, None]
    rows['xyz_m'] = CAMERA.unproject(rows['uv'], np.full(count, PLANE_M))
    rows['followed'], rows['sigma_px'], rows['sigma_m'] = True, sigma_px, 1e-4
    rows['fit_px'] = np.inf
    return rows


def answer(rows, shift_px, frame=0, sigma_px=0.1, hidden=False):
    uv = rows['uv'] + shift_px
    count = len(rows)
    xyz_m = CAMERA.unproject(uv, np.full(count, PLANE_M))
    return Answer(frame, rows['id'], uv, xyz_m, np.full(count, hidden), sigma_px, 1, 0.1)


def test_a_late_answer_moves_points_by_its_correction_in_bounded_steps():
    anchor, rows = Anchor(CAMERA, CONFIG), table()
    late = answer(rows, [3.0, 0])
    for frame in range(5):
        anchor.remember(frame, rows)
        rows['uv'] += [2.0, 1.0]  # the scene moves on
    start = rows['uv'].copy()
    rows = anchor.apply(late, rows)
    assert rows['known'].all()
    assert np.array_equal(rows['uv'], start)
    for step in (1, 2):
        rows, moved = anchor.relax(rows)
        assert moved.all()
        assert np.allclose(rows['uv'], start + np.array([step, 0]))
    rows, _ = anchor.relax(rows)
    assert np.allclose(rows['uv'], start + np.array([3.0, 0]), atol=0.02)


def test_the_same_correction_twice_is_made_once():
    anchor, rows = Anchor(CAMERA, CONFIG), table()
    start = rows['uv'].copy()
    first, second = (answer(rows, [2.0, 0], frame) for frame in (0, 1))
    anchor.remember(0, rows)
    anchor.remember(1, rows)
    rows = anchor.apply(first, rows)
    rows = anchor.apply(second, rows)
    for _ in range(5):
        rows, _ = anchor.relax(rows)
    assert np.allclose(rows['uv'], start + np.array([2.0, 0]), atol=0.05)


def test_a_sure_tracker_is_moved_less():
    anchor, rows = Anchor(CAMERA, CONFIG), table(2)
    rows['sigma_px'] = [0.5, 2.0]
    anchor.remember(0, rows)
    rows = anchor.apply(answer(rows, [1.0, 0], sigma_px=1.0), rows)
    assert np.allclose(rows['wanted'][:, 0], [0.25 / 1.25, 4 / 5])
    assert np.allclose(fused_px(rows), np.sqrt([0.25 / 1.25, 4 / 5]))


def test_the_gate_refuses_until_the_fit_insists():
    anchor, rows = Anchor(CAMERA, CONFIG), table(3, sigma_px=0.5)
    far = answer(rows, [30.0, 0])
    expected = far.uv
    anchor.remember(0, rows)
    for refused in (1, 2):
        rows = anchor.apply(far, rows)
        assert (rows['rejected'] == refused).all()
        assert rows['followed'].all()
        assert not rows['wanted'].any()
    rows = anchor.apply(far, rows)
    assert not rows['followed'].any()
    assert np.allclose(CAMERA.left.project(rows['xyz_m']), expected)


def test_points_that_are_not_followed_move_at_once_and_only_once():
    anchor, rows = Anchor(CAMERA, CONFIG), table(3, sigma_px=20.0)
    rows['followed'] = False
    anchor.remember(0, rows)
    anchor.remember(1, rows)
    for frame in (0, 1):
        rows = anchor.apply(answer(table(3), [8.0, 0], frame), rows)
        uv = CAMERA.left.project(rows['xyz_m'])
        assert np.allclose(uv, table(3)['uv'] + np.array([8.0, 0]), atol=0.1)


def test_an_answer_from_before_flow_found_a_point_again_does_not_move_it():
    anchor, rows = Anchor(CAMERA, CONFIG), table(2)
    rows['since'] = [0, 5]
    anchor.remember(3, rows)
    rows = anchor.apply(answer(rows, [1.0, 0], 3), rows)
    assert rows['wanted'][0, 0] > 0.9
    assert rows['wanted'][1, 0] == 0


def test_a_hidden_point_that_flow_still_follows_is_not_moved():
    anchor, rows = Anchor(CAMERA, CONFIG), table(2)
    anchor.remember(0, rows)
    rows = anchor.apply(answer(rows, [1.0, 0], hidden=True), rows)
    assert rows['hidden'].all()
    assert not rows['wanted'].any()


def test_disagreement_is_the_median_gap_in_depth():
    anchor, rows = Anchor(CAMERA, CONFIG), table(5)
    anchor.remember(0, rows)
    deeper = answer(rows, [0.0, 0])
    deeper.xyz_m[:, 2] += [1e-3, 1e-3, 2e-3, 9e-3, -1e-3]
    anchor.apply(deeper, rows)
    assert anchor.disagreement_m == pytest.approx(1e-3)


def test_what_is_unknown_on_either_side_is_left_alone():
    anchor, rows = Anchor(CAMERA, CONFIG), table(3)
    anchor.remember(0, rows[:2])
    before = rows.copy()
    assert np.array_equal(anchor.apply(answer(rows, [1.0, 0], frame=99), rows), before)
    after = anchor.apply(answer(rows[1:], [1.0, 0]), rows)
    assert after['known'].tolist() == [False, True, False]


def test_no_points_are_no_trouble():
    anchor, rows = Anchor(CAMERA, CONFIG), table(0)
    anchor.remember(0, rows)
    rows = anchor.apply(answer(table(2), [1.0, 0]), rows)
    assert len(anchor.relax(rows)[0]) == 0
