import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from surg_invnerf.live.carry import Motion, rigid_motion


def scene(seed, count=60):
    rng = np.random.default_rng(seed)
    points = rng.uniform([-0.03, -0.03, 0.05], [0.03, 0.03, 0.08], (count, 3))
    rotation = Rotation.from_rotvec(rng.normal(0, 0.05, 3)).as_matrix()
    return rng, points, rotation, rng.normal(0, 2e-3, 3)


@given(st.integers(0, 10_000))
def test_rigid_motion_is_found_among_outliers(seed):
    rng, points, rotation, translation = scene(seed)
    moved = points @ rotation.T + translation
    moved[:15] += rng.normal(0, 0.02, (15, 3))
    found, shift = rigid_motion(points, moved)
    assert np.abs(points[15:] @ found.T + shift - moved[15:]).max() < 1e-4


def test_a_point_goes_with_the_tissue_around_it():
    _, points, rotation, translation = scene(1, 400)

    def tissue(p):
        bulge = 1e-3 * np.exp(-np.square(p[:, :1] / 0.02))
        return p @ rotation.T + translation + bulge * [0, 0, -1.0]

    motion = Motion(points, tissue(points))
    inside = np.random.default_rng(2).uniform([-0.02, -0.02, 0.055], [0.02, 0.02, 0.075], (50, 3))
    assert np.abs(motion.carry(inside) - tissue(inside)).max() < 3e-4


def test_what_an_instrument_dragged_along_is_not_plausible():
    _, points, rotation, translation = scene(3)
    moved = points @ rotation.T + translation
    moved[:8] += [0.004, 0, 0]
    motion = Motion(points, moved)
    assert not motion.plausible[:8].any()
    assert motion.plausible[8:].all()
    assert np.abs(motion.carry(points[:8]) - (points[:8] @ rotation.T + translation)).max() < 1e-4


def test_too_few_points_move_nothing():
    points = np.ones((2, 3))
    assert np.array_equal(Motion(np.eye(3), np.eye(3) + 1).carry(points), points)
