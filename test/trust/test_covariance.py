import numpy as np
import pytest

from surgical_perception.geometry import se3
from xray_registration import covariance
from xray_registration.similarity.linearisation import Linearisation

ISOCENTRE = np.array([0.02, -0.1, 0.3])
POSE = se3.exp(np.array([0.1, 0.2, 0.9, 0.4, -0.8, 0.3]))


def random_covariance(seed=0):
    a = 1e-3 * np.random.default_rng(seed).normal(size=(6, 6))
    return a @ a.T


def test_pose_covariance_matches_the_scatter_of_perturbed_poses():
    rng = np.random.default_rng(1)
    twist_cov = random_covariance() * 1e-2
    ct_from_reference = se3.inverse(POSE)
    samples = []
    for xi in rng.multivariate_normal(np.zeros(6), twist_cov, 5000):
        pose = se3.inverse(se3.perturb(xi, ct_from_reference, ISOCENTRE))
        rotation = se3.log(pose @ se3.inverse(POSE))[3:]
        samples.append(np.concatenate([pose[:3, 3] - POSE[:3, 3], rotation]))
    expected = np.cov(np.array(samples).T)
    ours = covariance.pose_covariance(twist_cov, POSE, ISOCENTRE)
    assert np.abs(ours - expected).max() < 0.1 * np.abs(expected).max()


def test_sigma_is_along_the_cameras_axes():
    twist_cov = np.zeros((6, 6))
    depth = POSE[:3, :3].T @ [0, 0, 1.0]
    twist_cov[:3, :3] = 4e-6 * np.outer(depth, depth)
    assert covariance.sigma_along_axes_mm(twist_cov, POSE) == pytest.approx([0, 0, 2.0], abs=1e-9)


def test_the_sandwich_is_the_scatter_of_independent_estimates():
    """Linear regression in blocks with correlated noise: the known variance is recovered."""
    rng = np.random.default_rng(2)
    blocks, per_block = 400, 20
    estimates, predicted = [], []
    for _ in range(60):
        design = rng.normal(size=(blocks, per_block, 6))
        shared = rng.normal(size=(blocks, 1))
        noise = 0.5 * shared + 0.1 * rng.normal(size=(blocks, per_block))
        # Correlated regressors make correlated noise matter.
        design += rng.normal(size=(blocks, 1, 6))
        hessian = np.einsum('bpi,bpj->ij', design, design)
        parts = np.einsum('bpi,bp->bi', design, noise)
        estimates.append(np.linalg.solve(hessian, parts.sum(0)))
        predicted.append(covariance.terms(Linearisation(0.0, parts.sum(0), hessian, parts))[0])
    observed = np.var(estimates, axis=0)
    expected = np.mean(predicted, 0).diagonal()
    assert np.sqrt(observed / expected).mean() == pytest.approx(1, abs=0.12)


def test_the_covariance_is_symmetric_and_positive():
    rng = np.random.default_rng(3)
    jacobian = rng.normal(size=(50, 6)) * [1, 1, 1, 1e-3, 1e-3, 1e-3]
    model = Linearisation(0.0, np.zeros(6), jacobian.T @ jacobian, jacobian)
    cov = covariance.twist_covariance(model)
    assert np.allclose(cov, cov.T, rtol=1e-9)
    assert np.linalg.eigvalsh(cov)[0] > 0


def test_an_unseen_direction_is_unknown_not_certain():
    hessian = np.diag([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    model = Linearisation(0.0, np.zeros(6), hessian, np.zeros((4, 6)))
    sigma_mm = covariance.sigma_along_axes_mm(covariance.twist_covariance(model), POSE)
    assert (sigma_mm > 1e5).all()


def test_a_worse_match_is_less_certain():
    """The images' blocks agree alike, but what they agree on explains them worse."""
    rng = np.random.default_rng(5)
    jacobian = rng.normal(size=(100, 6))
    models = [
        Linearisation(cost, np.zeros(6), jacobian.T @ jacobian, 1e-3 * jacobian)
        for cost in (0.02, 0.2)
    ]
    good, poor = (np.trace(covariance.twist_covariance(model)) for model in models)
    assert poor > good
    (scatter, misfit), (same_scatter, larger_misfit) = map(covariance.terms, models)
    assert same_scatter == pytest.approx(scatter)
    assert larger_misfit == pytest.approx(100 * misfit)
