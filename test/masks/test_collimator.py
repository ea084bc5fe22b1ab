"""Collimators of every usual shape are found where they are, and nowhere else."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from xray_bodies import MIDDLE, SIZE, body, disc, overlap, polygon, shut

from xray_registration.masks.circle import Circle
from xray_registration.masks.collimator import Collimator, find_collimator
from xray_registration.masks.leaves import Leaf


@examples(max_examples=10)
@given(
    offset=st.tuples(st.floats(-8, 8), st.floats(-8, 8)),
    radius=st.floats(85, 128),
    seed=st.integers(0, 3),
)
def test_a_circle_is_found(offset, radius, seed):
    is_open = disc(np.add(offset, MIDDLE), radius)
    found = find_collimator(shut(body(seed=seed), is_open))
    assert found.circle is not None
    assert abs(found.circle.radius - radius) < 2
    assert overlap(found.is_open(is_open.shape), is_open) > 0.97


@examples(max_examples=10)
@given(
    angle_deg=st.floats(-44, 44),
    offsets=st.tuples(*[st.floats(70, 120)] * 4),
    seed=st.integers(0, 3),
)
def test_leaves_are_found_at_any_angle(angle_deg, offsets, seed):
    is_open = polygon(angle_deg, offsets)
    found = find_collimator(shut(body(seed=seed), is_open))
    assert overlap(found.is_open(is_open.shape), is_open) > 0.95


def test_one_leaf_inside_a_circle_is_found_with_it():
    is_open = disc((MIDDLE, MIDDLE), 120) & polygon(10, (200, 60, 200, 200))
    found = find_collimator(shut(body(), is_open))
    assert found.circle is not None and len(found.leaves) == 1
    assert overlap(found.is_open(is_open.shape), is_open) > 0.97


@pytest.mark.parametrize('blur_px', [0.3, 2.0])
def test_hard_and_soft_edges_are_found(blur_px):
    is_open = polygon(0, (100, 110, 90, 115))
    found = find_collimator(shut(body(), is_open, blur_px=blur_px))
    assert overlap(found.is_open(is_open.shape), is_open) > 0.97


@pytest.mark.parametrize('seed', range(6))
def test_a_body_without_collimator_has_none(seed):
    assert not find_collimator(body(seed=seed))


def test_a_real_ct_without_collimator_has_none(pelvis_xrays):
    for image in pelvis_xrays:
        assert not find_collimator(image)


def test_a_bar_has_light_on_its_other_side_and_is_no_leaf():
    image = body()
    v, u = np.mgrid[:SIZE, :SIZE]
    across = (u - 60) * 0.9 + (v - 60) * 0.436
    assert not find_collimator((image + 3.0 * (np.abs(across) < 7)).astype(np.float32))


@pytest.mark.parametrize('value', [0.0, 5.0])
def test_a_blank_image_has_none(value):
    assert not find_collimator(np.full((SIZE, SIZE), value, np.float32))


@pytest.mark.parametrize(
    'part', [Circle(120.25, 130.5, 90.0), Leaf((0.6, 0.8), 170.0), Leaf((-1.0, 0.0), -30.0)]
)
def test_a_scaled_part_covers_the_same_of_a_finer_image(part):
    fine = part.scaled(4).contains((4 * SIZE, 4 * SIZE))
    binned = cv2.resize(fine.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    coarse = part.contains((SIZE, SIZE))
    np.testing.assert_array_equal(binned[coarse] >= 0.3, True)
    assert abs(binned.sum() - coarse.sum()) < 0.003 * SIZE**2


def test_the_margin_leaves_the_edge_out():
    collimator = Collimator(Circle(MIDDLE, MIDDLE, 100.0), (Leaf((1.0, 0.0), MIDDLE + 50),))
    whole, inner = (collimator.is_open((SIZE, SIZE), margin) for margin in (0.0, 4.0))
    assert (inner <= whole).all()
    assert whole[int(MIDDLE), int(MIDDLE) + 48] and not inner[int(MIDDLE), int(MIDDLE) + 48]
    assert str(collimator) == 'circle and 1 leaf' and str(Collimator()) == 'none'


@pytest.mark.parametrize('share_of_air', [0.3, 0.6, 0.85])
def test_a_body_beside_open_air_is_no_leaf(share_of_air):
    v, u = np.mgrid[:SIZE, :SIZE]
    depth = np.clip(u - 0.1 * v - share_of_air * SIZE + 0.05 * SIZE, 0, None)
    rng = np.random.default_rng(1)
    noise = 0.01 * rng.standard_normal((SIZE, SIZE))
    image = np.minimum(np.sqrt(depth / 20), 1) * body() + noise
    assert not find_collimator(image.astype(np.float32))
