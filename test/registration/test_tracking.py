"""Tracking: prediction by constant velocity, few steps a frame, and a search where that fails."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.evaluation.metrics import mtre_mm
from surgical_perception.geometry import se3
from xray_registration.config import PyramidLevel, TrackingConfig
from xray_registration.result import SolverStatus, Verdict
from xray_registration.simulation.siddon import project
from xray_registration.tracking import Motion, continued, follow, track
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig

S = 1_000_000_000
PERIOD_NS = S // 10
FRAMES = 8

twists = st.lists(st.floats(-0.2, 0.2), min_size=6, max_size=6).map(np.array)


@given(twists, st.floats(0.01, 2.0), st.floats(0.01, 2.0))
def test_a_screw_motion_is_predicted_exactly(velocity, before_s, after_s):
    at = [se3.exp(velocity * t) for t in (0.0, before_s, before_s + after_s)]
    stamps_ns = [0, round(before_s * S), round((before_s + after_s) * S)]
    motion = Motion.at_rest(at[0], stamps_ns[0]).followed_by(at[1], stamps_ns[1])
    np.testing.assert_allclose(motion.predicted(stamps_ns[2]), at[2], atol=1e-6)


def test_a_pose_after_a_gap_has_no_velocity():
    near, far = se3.exp(np.zeros(6)), se3.exp(np.r_[0.1, 0, 0, 0, 0, 0])
    assert not continued(Motion.at_rest(near, 0), far, 2 * S, max_gap_s=0.5).velocity.any()
    assert continued(Motion.at_rest(near, 0), far, S // 5, max_gap_s=0.5).velocity.any()
    assert not continued(None, far, S, max_gap_s=0.5).velocity.any()


@pytest.mark.parametrize(('elapsed_ns', 'tracked'), [(-1, False), (0, False), (1, True)])
def test_time_must_go_on(elapsed_ns, tracked):
    result = type('Result', (), {'verdict': Verdict.OK})
    motion = Motion.at_rest(np.eye(4), S)
    assert follow(motion, S + elapsed_ns, 0.5, lambda _: result, lambda: result)[1] is tracked


@pytest.fixture(scope='module')
def tracking(config):
    levels = (
        PyramidLevel(64, 3.0, 'local_ncc', 4),
        PyramidLevel(128, 3.0, 'local_ncc', 6, patch=9),
    )
    return replace(config, tracking=TrackingConfig(levels=levels))


@pytest.fixture(scope='module')
def truth(carm_from_ct, ct):
    """Poses of a CT that speeds up: 2 mm and half a degree a frame at the end."""
    centre = se3.apply(carm_from_ct, ct.isocentre_m)
    push = np.array([1.0e-3, -0.7e-3, 1.5e-3, 0.004, -0.003, 0.005]) / FRAMES
    return [se3.perturb(push * i**2, carm_from_ct, centre) for i in range(FRAMES)]


@pytest.fixture(scope='module')
def frames(ct, camera, truth):
    attenuation = AttenuationConfig(22.0, -900.0, 1.2)
    return [
        (S + i * PERIOD_NS, [View(project(ct, camera, pose, attenuation), camera)])
        for i, pose in enumerate(truth)
    ]


def noise(camera):
    rng = np.random.default_rng(1)
    return View(rng.normal(5.0, 0.1, (camera.height, camera.width)).astype(np.float32), camera)


def test_a_sequence_is_followed(frames, truth, volumes, tracking, bone_points):
    followed = list(track(frames, volumes, truth[0], tracking))
    assert [f.tracked for f in followed] == [False] + [True] * (FRAMES - 1)
    assert [f.stamp_ns for f in followed] == [stamp_ns for stamp_ns, _ in frames]
    errors = [
        mtre_mm(f.result.reference_from_ct, pose, bone_points)
        for f, pose in zip(followed, truth, strict=True)
    ]
    moved = mtre_mm(truth[-1], truth[0], bone_points)
    assert max(errors) < 1.0 < moved / 5


def test_frames_that_show_nothing_are_rejected_and_do_not_move_the_prediction(
    frames, camera, truth, volumes, tracking, bone_points
):
    dark = [(stamp_ns, [noise(camera)]) for stamp_ns, _ in frames[2:4]]
    followed = list(track([*frames[:2], *dark, frames[4]], volumes, truth[0], tracking))
    assert [f.result.verdict is Verdict.REJECTED for f in followed] == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert followed[-1].tracked
    assert mtre_mm(followed[-1].result.reference_from_ct, truth[4], bone_points) < 1.0


def test_after_a_long_gap_the_last_pose_is_searched_from(frames, truth, volumes, tracking):
    stamp_ns, views = frames[1]
    followed = list(track([frames[0], (stamp_ns + 5 * S, views)], volumes, truth[0], tracking))
    assert not followed[1].tracked
    assert followed[1].result.status is not SolverStatus.NON_FINITE
    assert followed[1].result.verdict is Verdict.OK
