"""Confidence of correspondences: what it falls with, and where nothing can be seen."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from warped_clip import WarpedClip

from surg_invnerf.correspondence.confidence import (
    flow_confidence,
    keypoint_confidence,
    texture_confidence,
)

errors = st.floats(0, 3)


def is_probability(confidence):
    return confidence.dtype == np.float32 and ((confidence > 0) & (confidence <= 1)).all()


@given(errors, errors, st.integers(1, 64), st.integers(1, 64))
def test_flow_is_less_sure_with_a_larger_error_and_a_longer_gap(a, b, gap, other):
    near, far = sorted((a, b))
    short, long = sorted((gap, other))
    confidence = flow_confidence(np.array([near, far], np.float32), short)
    assert is_probability(confidence)
    assert confidence[0] >= confidence[1]
    assert (flow_confidence(np.array([near, far], np.float32), long) <= confidence).all()


@given(errors, errors)
def test_keypoints_are_less_sure_off_their_neighbours(a, b):
    confidence = keypoint_confidence(np.array(sorted((a, b)), np.float32))
    assert is_probability(confidence)
    assert confidence[0] >= confidence[1]


def test_texture_is_seen_and_a_blank_is_not():
    image = WarpedClip(1).image(0)
    image[:, 80:] = 100
    confidence = texture_confidence(image)
    assert confidence[10:-10, 10:70].min() > 0.9
    assert confidence[:, 90:].max() == 0


def test_an_edge_alone_says_nothing_along_itself():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 200
    assert texture_confidence(image)[10:-10, 10:-10].max() < 1e-3
