"""The pose from points: exact, with outliers, over two views, and refused where it is open."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import POSITIONS
from xray_registration.learned.pose_range import PoseRange
from xray_registration.methods.landmarks import pose_from_landmarks
from xray_registration.methods.pnp import NoPose, Sighting, pose_from_sightings
from xray_registration.views import View

SIZE = 256
CAMERA = PinholeCamera.from_carm(SIZE, SIZE, 1020.0, 297.0 / SIZE, x0_mm=5.0)
AROUND = PoseRange(POSITIONS)
SEEDS = st.integers(0, 2**32 - 1)


def view(camera_from_reference=None):
    blank = np.zeros((SIZE, SIZE), np.float32)
    return View(
        blank, CAMERA, np.eye(4) if camera_from_reference is None else camera_from_reference
    )


def sighting(points, view, reference_from_ct, sigma_px=1.0):
    seen = se3.apply(view.camera_from_reference @ reference_from_ct, points)
    return Sighting(points, CAMERA.project(seen), np.full(len(points), sigma_px))


def distance_mm(found, truth, points):
    away = se3.apply(found, points) - se3.apply(truth, points)
    return 1e3 * np.linalg.norm(away, axis=1).max()


def second_view():
    """A view from the side, with the reference in the first one."""
    turn = se3.exp(np.array([0, 0, 0, 0.1, np.deg2rad(80.0), 0]))
    about = np.eye(4)
    about[2, 3] = 0.75
    return view(about @ turn @ se3.inverse(about))


@given(SEEDS, st.integers(6, 40))
def test_exact_points_give_the_exact_pose(seed, count):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.1, 0.1, (count, 3))
    truth = AROUND.draw(1, np.zeros(3), rng)[0]
    found = pose_from_sightings([view()], [sighting(points, view(), truth)])
    assert distance_mm(found.reference_from_ct, truth, points) < 1e-3
    assert found.error_px < 1e-4
    assert found.inliers[0].all()


@given(SEEDS)
def test_four_of_ten_points_may_be_anywhere(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.1, 0.1, (30, 3))
    truth = AROUND.draw(1, np.zeros(3), rng)[0]
    seen = sighting(points, view(), truth)
    wrong = rng.permutation(30)[:12]
    seen.pixels[wrong] += rng.choice([-1, 1], (12, 2)) * rng.uniform(20, 120, (12, 2))
    found = pose_from_sightings([view()], [seen])
    assert distance_mm(found.reference_from_ct, truth, points) < 1e-3
    assert set(np.flatnonzero(~found.inliers[0])) == set(wrong)


def test_two_views_see_the_depth_that_one_hardly_sees():
    rng = np.random.default_rng(1)
    views, errors = [view(), second_view()], {1: [], 2: []}
    for _ in range(20):
        points = rng.uniform(-0.1, 0.1, (20, 3))
        truth = AROUND.draw(1, np.zeros(3), rng)[0]
        seen = [sighting(points, v, truth) for v in views]
        for one in seen:
            one.pixels[:] += rng.normal(0, 1, one.pixels.shape)
        for count in errors:
            found = pose_from_sightings(views[:count], seen[:count])
            errors[count].append(distance_mm(found.reference_from_ct, truth, points))
    assert np.median(errors[2]) < 0.6 * np.median(errors[1])
    assert np.max(errors[2]) < 0.4 * np.max(errors[1])


def test_a_view_with_few_points_helps_and_one_without_any_does_no_harm():
    rng = np.random.default_rng(2)
    points, views = rng.uniform(-0.1, 0.1, (10, 3)), [view(), second_view()]
    truth = AROUND.draw(1, np.zeros(3), rng)[0]
    for count in (0, 3):
        seen = [sighting(points, views[0], truth), sighting(points[:count], views[1], truth)]
        found = pose_from_sightings(views, seen)
        assert [len(i) for i in found.inliers] == [10, count]
        assert distance_mm(found.reference_from_ct, truth, points) < 1e-3


def test_points_that_are_known_better_count_more():
    rng = np.random.default_rng(3)
    points = rng.uniform(-0.1, 0.1, (40, 3))
    sigma = np.where(np.arange(40) < 10, 0.1, 3.0)
    weighed, alike = [], []
    for _ in range(20):
        truth = AROUND.draw(1, np.zeros(3), rng)[0]
        seen = sighting(points, view(), truth)._replace(sigma_px=sigma)
        seen.pixels[:] += sigma[:, None] * rng.normal(0, 1, (40, 2))
        for errors, one in ((weighed, seen), (alike, seen._replace(sigma_px=np.full(40, 3.0)))):
            found = pose_from_sightings([view()], [one])
            errors.append(distance_mm(found.reference_from_ct, truth, points))
    assert np.median(weighed) < 0.5 * np.median(alike)


@given(SEEDS, st.integers(0, 3))
def test_too_few_points_are_refused(seed, count):
    rng = np.random.default_rng(seed)
    seen = sighting(
        rng.uniform(-0.1, 0.1, (count, 3)), view(), AROUND.draw(1, np.zeros(3), rng)[0]
    )
    with pytest.raises(NoPose, match=f'shows {count} points'):
        pose_from_sightings([view()], [seen])


@pytest.mark.parametrize('spread', [0.0, 1.0])
def test_points_on_a_line_or_at_one_place_are_refused(spread):
    along = spread * np.linspace(-0.1, 0.1, 12)
    points = np.outer(along, [0.6, 0.8, 0]) + np.array([0.02, 0, 0.01])
    truth = AROUND.draw(1, np.zeros(3), np.random.default_rng(4))[0]
    with pytest.raises(NoPose, match='on one line'):
        pose_from_sightings([view()], [sighting(points, view(), truth)])


def test_points_that_do_not_agree_are_refused():
    rng = np.random.default_rng(5)
    points, pixels = rng.uniform(-0.1, 0.1, (5, 3)), rng.uniform(0, SIZE, (5, 2))
    with pytest.raises(NoPose):
        pose_from_sightings([view()], [Sighting(points, pixels, np.full(5, 1e-3))])


def test_named_landmarks_need_not_be_in_every_view():
    rng = np.random.default_rng(6)
    points = {name: rng.uniform(-0.1, 0.1, 3) for name in 'abcdefgh'}
    views, truth = [view(), second_view()], AROUND.draw(1, np.zeros(3), rng)[0]
    pixels = []
    for one, names in zip(views, ('abcdefg', 'hgfe'), strict=True):
        seen = sighting(np.array([points[n] for n in names]), one, truth)
        pixels.append({n: tuple(p) for n, p in zip(names, seen.pixels, strict=True)})
    found = pose_from_landmarks(views, pixels, points)
    assert distance_mm(found.reference_from_ct, truth, np.array(list(points.values()))) < 1e-3
    with pytest.raises(InputError, match='named x'):
        pose_from_landmarks(views, [{'x': (1, 2)}, {}], points)
