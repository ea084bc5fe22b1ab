import pytest
import torch

from xray_registration.learned.encoder import Encoder, EncoderConfig
from xray_registration.learned.manifolds import MANIFOLDS
from xray_registration.learned.tangents import gauss_newton, pushed

torch.set_num_threads(1)


@pytest.fixture(scope='module')
def scene():
    """Return (features of an image, image [2, 1, 32, 32], columns [6, 2, 1, 32, 32])."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(4, (4, 6, 8, 8), 1, 3, (16, 8))).double()
    image = torch.rand(2, 1, 32, 32, dtype=torch.float64)
    return encoder, image, torch.randn(6, 2, 1, 32, 32, dtype=torch.float64)


def test_features_move_as_central_differences_say(scene):
    encoder, image, columns = scene
    found, moved = pushed(encoder, image, columns)
    step = 1e-6
    for column in (0, 5):
        ahead, behind = (encoder(image + s * step * columns[column]) for s in (1, -1))
        for stride in found:
            torch.testing.assert_close(found[stride], encoder(image)[stride])
            expected = (ahead[stride] - behind[stride]) / (2 * step)
            torch.testing.assert_close(moved[stride][column], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('name', MANIFOLDS)
def test_gradient_and_hessian_are_those_of_the_mean_cost(scene, name):
    encoder, image, columns = scene
    manifold = MANIFOLDS[name]

    def point(x):
        return manifold.point(encoder(x)[8])

    fixed = point(torch.rand_like(image)).detach()
    moving, moved = pushed(point, image, columns)
    gradient, hessian = gauss_newton(manifold, moving, moved, fixed)
    xi = torch.zeros(2, 6, dtype=torch.float64, requires_grad=True)
    points = point(image + torch.einsum('bi,ibchw->bchw', xi, columns))
    (expected,) = torch.autograd.grad(manifold.cost(points, fixed).mean((1, 2)).sum(), xi)
    torch.testing.assert_close(gradient, expected)
    # At the fixed points themselves the Gauss-Newton Hessian is that of the cost.
    gradient, hessian = gauss_newton(manifold, moving, moved, moving.detach())
    assert gradient.abs().max() < 1e-9

    def cost(twist):
        points = point(image + torch.einsum('bi,ibchw->bchw', twist.expand(2, 6), columns))
        return manifold.cost(points, moving.detach())[0].mean()

    exact = torch.autograd.functional.hessian(cost, torch.full((6,), 1e-6, dtype=torch.float64))
    torch.testing.assert_close(hessian[0], exact, rtol=1e-3, atol=1e-4)
