import numpy as np
import pytest
import torch

from surgical_perception.geometry import se3
from xray_registration.learned import geodesics, losses

F_MM, DISTANCE_M = 1020.0, 0.75
ISOCENTRE = torch.tensor([0.05, -0.1, 0.15], dtype=torch.float64)


def poses(seed, n=4):
    """Return carm_from_ct [n, 4, 4] around a C-arm in its place, and so many truths."""
    rng = np.random.default_rng(seed)
    nominal = np.eye(4)
    nominal[:3, 3] = [0, 0, DISTANCE_M] - ISOCENTRE.numpy()
    half = np.array([0.03, 0.03, 0.03, 0.3, 0.3, 0.3])
    found = [
        se3.perturb(half * rng.uniform(-1, 1, 6), nominal, np.array([0, 0, DISTANCE_M]))
        for _ in range(2 * n)
    ]
    return torch.tensor(np.stack(found)).split(n)


def test_a_pose_moves_as_the_renderer_means_it():
    (pose, *_), _ = poses(0)
    xi = torch.tensor([0.01, -0.02, 0.005, 0.1, 0.05, -0.2], dtype=torch.float64)
    moved = losses.moved(pose[None], xi[None], ISOCENTRE)[0].numpy()
    expected = se3.perturb(xi.numpy(), np.linalg.inv(pose.numpy()), ISOCENTRE.numpy())
    np.testing.assert_allclose(np.linalg.inv(moved), expected, atol=1e-12)


@pytest.mark.parametrize('kind', geodesics.GEODESICS)
def test_the_geodesic_gradient_is_that_of_central_differences(kind):
    pose, truth = poses(1)
    arguments = (ISOCENTRE, DISTANCE_M, kind, F_MM)
    gradient = losses.geodesic_gradient(pose, truth, *arguments)

    def distance(xi):
        pair = (losses.moved(pose, xi.expand(len(pose), 6), ISOCENTRE), truth)
        centred = [geodesics.recentred(p, ISOCENTRE, DISTANCE_M) for p in pair]
        return geodesics.distance_mm(*centred, kind, F_MM)

    step = 1e-6 * torch.eye(6, dtype=torch.float64)
    expected = torch.stack([(distance(s) - distance(-s)) / 2e-6 for s in step], -1)
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-4)


def test_parallel_gradients_cost_nothing_and_opposite_ones_two():
    wanted = torch.randn(5, 6, generator=torch.Generator().manual_seed(0)).double()
    assert losses.direction_loss(3.0 * wanted, wanted).abs().max() < 1e-9
    assert (losses.direction_loss(-wanted, wanted) - 2).abs().max() < 1e-9
    # Units of translation and rotation do not mix.
    scaled = wanted * torch.tensor([1e3, 1e3, 1e3, 1, 1, 1]).double()
    assert losses.direction_loss(scaled, wanted).abs().max() < 1e-9


def test_lengths_that_do_not_go_along_cost_a_little():
    wanted = torch.ones(2, 6).double()
    gradient = wanted * torch.tensor([[1.0], [np.e]]).double()
    # Half an e-fold to either side of the mean, for translation and rotation.
    expected = 2 * 0.05 * 0.25
    assert losses.direction_loss(gradient, wanted).tolist() == pytest.approx([expected] * 2)


def test_a_quadratic_similarity_lands_on_the_truth():
    pose, truth = poses(2)
    ct_from_carm = np.linalg.inv(pose.numpy())
    centre = np.eye(4)
    centre[:3, 3] = ISOCENTRE.numpy()
    home = []
    for now, goal in zip(ct_from_carm, truth.numpy(), strict=True):
        home.append(
            se3.log(np.linalg.inv(centre) @ np.linalg.inv(goal) @ np.linalg.inv(now) @ centre)
        )
    hessian = torch.diag(torch.tensor([4.0, 5, 6, 1, 2, 3]).double()).expand(len(home), 6, 6)
    gradient = -(hessian @ torch.tensor(np.stack(home))[..., None])[..., 0]
    arguments = (pose, truth, ISOCENTRE, DISTANCE_M, 'se3', F_MM)
    landed = losses.landing_loss(gradient, hessian, *arguments, damping=0.0)
    assert landed.max() < 1e-6
    assert losses.landing_loss(0.5 * gradient, hessian, *arguments).min() > 1


def test_decomposition_wants_the_first_half_alike_and_the_second_apart():
    torch.manual_seed(0)
    a, b = torch.randn(2, 3, 2, 16, 16)

    def loss(low, high):
        return losses.decomposition_loss(torch.cat([a, a], 1), torch.cat([low, high], 1))

    # Alike up to contrast: a correlation of 1; noise: about 0; inverted: -1.
    assert loss(2 * a + 1, b).abs().max() < 0.1
    assert loss(2 * a + 1, a) == pytest.approx([1 / 2.01] * 3, rel=1e-4)
    assert loss(b, a) == pytest.approx([1 / 1.01] * 3, rel=0.2)
    assert loss(-a, a) == pytest.approx([100.0] * 3, rel=1e-2)
