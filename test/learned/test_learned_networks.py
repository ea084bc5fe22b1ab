from dataclasses import replace

import pytest
import torch

from surgical_perception.errors import InputError
from xray_registration.learned.encoder import Encoder, EncoderConfig, standardised
from xray_registration.learned.two_trunks import encoder_of
from xray_registration.learned.volume_networks import VolumeNetwork, VolumeNetworkConfig

torch.set_num_threads(1)
TINY = EncoderConfig(stem=4, widths=(4, 6, 8, 8), blocks=1, channels=6)


@pytest.fixture(params=['single', 'composite', 'dual'])
def encoder(request):
    torch.manual_seed(0)
    return encoder_of(replace(TINY, trunks=request.param)).eval()


def test_features_come_at_the_strides_that_were_asked_for(encoder):
    found = encoder(torch.rand(2, 1, 64, 96))
    assert {stride: tuple(f.shape) for stride, f in found.items()} == {
        16: (2, 6, 4, 6),
        4: (2, 6, 16, 24),
    }


def test_without_mixing_nothing_is_learned_about_the_whole_image():
    with_it, without = Encoder(TINY), Encoder(replace(TINY, mixing=False))
    gains = {name for name, _ in with_it.named_parameters() if name.endswith('gain')}
    assert len(gains) == len(TINY.widths) * TINY.blocks
    names = {name for name, _ in without.named_parameters()}
    assert names == {name for name, _ in with_it.named_parameters()} - gains
    found = without(torch.rand(1, 1, 32, 32))
    assert all(f.isfinite().all() for f in found.values())


def test_trunks_are_one_of_three():
    with pytest.raises(InputError, match='single, composite, dual'):
        encoder_of(replace(TINY, trunks='triple'))


def test_of_two_trunks_only_one_sees_the_whole_image():
    torch.manual_seed(0)
    dual = encoder_of(replace(TINY, trunks='dual'))
    assert any(name.endswith('gain') for name, _ in dual.low.named_parameters())
    assert not any(name.endswith('gain') for name, _ in dual.high.named_parameters())
    image = torch.rand(1, 1, 32, 32)
    low, high = dual.low(image)[4], dual.high(image)[4]
    torch.testing.assert_close(dual(image)[4], torch.cat([low, high], 1))


def test_both_trunks_of_a_composite_encoder_are_heard():
    torch.manual_seed(0)
    composite = encoder_of(replace(TINY, trunks='composite'))
    composite(torch.rand(1, 1, 32, 32))[4].square().sum().backward()
    for part in (composite.stages, composite.beside):
        assert all(p.grad.abs().max() > 0 for p in part[0].parameters() if p.ndim > 1)


def test_brightness_and_contrast_change_nothing(encoder):
    image = torch.rand(1, 1, 64, 64)
    a, b = encoder(image), encoder(3.0 * image - 7.0)
    for stride in TINY.strides:
        torch.testing.assert_close(a[stride], b[stride], atol=1e-3, rtol=1e-3)


def test_a_flat_image_has_finite_features(encoder):
    assert standardised(torch.full((1, 1, 8, 8), 3.0)).abs().max() == 0
    assert all(f.isfinite().all() for f in encoder(torch.full((1, 1, 64, 64), 3.0)).values())


def test_forward_derivatives_are_those_of_differences(encoder):
    encoder = encoder.double()
    image, tangent = torch.rand(2, 1, 1, 64, 64, dtype=torch.float64)
    _, pushed = torch.func.jvp(encoder, (image,), (tangent,))
    step = 1e-6
    ahead, behind = encoder(image + step * tangent), encoder(image - step * tangent)
    for stride in TINY.strides:
        expected = (ahead[stride] - behind[stride]) / (2 * step)
        torch.testing.assert_close(pushed[stride], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('kind', ['isotropic', 'steerable', 'plain'])
def test_an_untrained_network_repeats_the_volume(kind):
    mu = 30 * torch.rand(6, 7, 8)
    found = VolumeNetwork(VolumeNetworkConfig(kind))(mu)
    torch.testing.assert_close(found, mu.expand(3, -1, -1, -1))


@pytest.mark.parametrize(
    'kind, equivariant', [('isotropic', True), ('steerable', True), ('plain', False)]
)
@pytest.mark.parametrize('side', [3, 5])
def test_all_but_plain_kernels_turn_with_the_body(kind, equivariant, side):
    torch.manual_seed(0)
    network = VolumeNetwork(VolumeNetworkConfig(kind, side=side))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    mu = 30 * torch.rand(9, 9, 9)
    for axes in ((0, 1), (1, 2), (0, 2)):
        turned = network(torch.rot90(mu, 1, axes))
        expected = torch.rot90(network(mu), 1, tuple(a + 1 for a in axes))
        assert torch.allclose(turned, expected, rtol=1e-4, atol=1e-3) == equivariant


def test_air_stays_transparent():
    network = VolumeNetwork(VolumeNetworkConfig())
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    mu = torch.zeros(6, 6, 6)
    mu[2:4, 2:4, 2:4] = 25.0
    assert (network(mu)[:, mu == 0] == 0).all()


def test_an_unknown_kind_is_named():
    with pytest.raises(InputError, match=r"'octonionic'.*steerable"):
        VolumeNetwork(VolumeNetworkConfig('octonionic'))
