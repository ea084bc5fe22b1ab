"""Whether a point is seen: one scene per cause, and every combination has exactly one cause."""

import numpy as np
from analytic_tissue import CAMERA, MovingPlane, observe
from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.tracks.result import Cause
from surg_invnerf.tracks.visibility import VisibilityConfig, look

CONFIG = VisibilityConfig()
SEEN_M = 0.06


def cause_of(
    uv=(20.0, 20.0),
    depth_m=SEEN_M,
    measured=True,
    sigma_m=1e-4,
    tool=None,
    own_m=None,
    opacity=1.0,
):
    """Return the cause of one point; own_m is the depth of the model's surface there."""

    def change(name, value):
        return lambda _, array: np.full(array.shape if array is not None else (48, 64), value)

    changes = {'sigma_m': change('sigma_m', sigma_m if measured else np.inf)}
    if tool is not None:
        changes['tool'] = change('tool', tool)
    frame = observe(MovingPlane(), **changes).frames[0]

    def rendered(pixels):
        surface = np.full(len(pixels), np.nan if own_m is None else own_m)
        return surface, np.full(len(pixels), opacity), np.full(len(pixels), 1e-4)

    cause = look(CAMERA, frame, np.array([uv]), np.array([depth_m]), rendered, CONFIG)
    return Cause(cause[0])


def test_a_point_where_stereo_measures_it_is_visible():
    assert cause_of() == Cause.VISIBLE
    assert cause_of(depth_m=SEEN_M + 1.9e-3) == Cause.VISIBLE
    # Far behind, but less than three standard deviations of a poor measurement.
    assert cause_of(depth_m=SEEN_M + 2.5e-3, sigma_m=1e-3) == Cause.VISIBLE


def test_a_point_behind_what_stereo_measures_is_hidden():
    assert cause_of(depth_m=SEEN_M + 2.1e-3) == Cause.SELF
    assert cause_of(depth_m=SEEN_M + 2.1e-3, tool=False) == Cause.SELF
    assert cause_of(depth_m=SEEN_M + 2.1e-3, tool=True) == Cause.TOOL


def test_a_point_far_in_front_of_what_stereo_measures_is_wrong():
    assert cause_of(depth_m=SEEN_M - 4e-3) == Cause.VISIBLE
    assert cause_of(depth_m=SEEN_M - 6e-3) == Cause.STEREO_DISAGREES


def test_the_tool_mask_goes_before_stereo():
    assert cause_of(tool=True) == Cause.TOOL
    assert cause_of(tool=True, measured=False) == Cause.TOOL
    assert cause_of(tool=False) == Cause.VISIBLE


def test_without_stereo_the_model_judges_and_where_it_knows_nothing_nobody_does():
    assert cause_of(measured=False, own_m=SEEN_M) == Cause.VISIBLE
    assert cause_of(measured=False, own_m=SEEN_M - 5e-3) == Cause.SELF
    assert cause_of(measured=False, own_m=SEEN_M, opacity=0.2) == Cause.UNKNOWN


def test_pixels_have_integer_centres_at_the_border():
    assert cause_of(uv=(-0.49, 47.49)) == Cause.VISIBLE
    assert cause_of(uv=(-0.51, 20)) == Cause.OUT_OF_VIEW
    assert cause_of(uv=(63.51, 20)) == Cause.OUT_OF_VIEW
    assert cause_of(uv=(20, 47.51)) == Cause.OUT_OF_VIEW
    assert cause_of(uv=(20, 20), depth_m=-0.01) == Cause.OUT_OF_VIEW
    assert cause_of(uv=(np.nan, np.nan)) == Cause.OUT_OF_VIEW


@given(
    uv=st.tuples(st.floats(-10, 80), st.floats(-10, 60)),
    depth_m=st.floats(-0.01, 0.2),
    measured=st.booleans(),
    sigma_m=st.floats(1e-5, 1e-2),
    tool=st.sampled_from([None, True, False]),
    own_m=st.one_of(st.none(), st.floats(0.02, 0.2)),
    opacity=st.floats(0, 1),
)
def test_every_combination_has_a_cause_that_it_can_have(
    uv, depth_m, measured, sigma_m, tool, own_m, opacity
):
    cause = cause_of(uv, depth_m, measured, sigma_m, tool, own_m, opacity)
    u, v = uv
    inside = -0.5 <= u < 63.5 and -0.5 <= v < 47.5 and depth_m > 0
    assert (cause == Cause.OUT_OF_VIEW) == (not inside)
    if inside:
        assert (tool is True) <= (cause == Cause.TOOL)
        assert (cause == Cause.UNKNOWN) <= (not measured)
        assert (cause == Cause.STEREO_DISAGREES) <= measured
        nearer_m = SEEN_M if measured else own_m
        assert (cause == Cause.SELF) <= (nearer_m is not None and nearer_m < depth_m)
