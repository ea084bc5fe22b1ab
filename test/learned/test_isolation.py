import numpy as np
import pytest
import torch

from surgical_perception.errors import InputError
from xray_registration.config import RegistrationConfig
from xray_registration.learned.isolation import ISOLATED, Isolation
from xray_registration.learned.network import (
    SimilarityNetwork,
    SimilarityNetworkConfig,
    config_for_card,
    config_from_card,
)
from xray_registration.learned.unet import UnetConfig
from xray_registration.presets import learned, segmented_bone

torch.set_num_threads(1)
CONFIG = SimilarityNetworkConfig(
    encoder=None, isolation=UnetConfig((8, 8, 16), 2), image_size=48, isocentre_field_mm=120.0
)


class Kept(Isolation):
    """Keeps what it is shown, and gives back every second pixel."""

    def maps(self, image):
        self.seen = image
        return torch.as_tensor(image[::2, ::2])[None].double()


@pytest.fixture
def image():
    v, u = np.mgrid[:48, :48]
    return (3 + 0.1 * u + 0.05 * v).astype(np.float32)


def test_holes_are_filled_from_around_them(image):
    network = Kept(UnetConfig((8, 8, 16), 2))
    mask = np.ones(image.shape, bool)
    mask[20:25, 30:34] = False
    spoilt = np.where(mask, image, 99.0).astype(np.float32)
    found = network.alone(spoilt, mask)
    span = image.max() - image.min()
    expected = (image - image.min()) / span
    assert np.abs(network.seen - expected)[mask].max() < 1e-5
    assert np.abs(network.seen - expected).max() < 0.05
    assert found.shape == image.shape
    assert found.dtype == np.float32


def test_gain_and_offset_of_the_detector_do_not_matter(image):
    torch.manual_seed(0)
    network = Isolation(UnetConfig((8, 8, 16), 2)).eval()
    mask = np.ones(image.shape, bool)
    first, second = network.alone(image, mask), network.alone(7 * image - 3, mask)
    assert np.allclose(first, second, atol=1e-4)
    assert np.isfinite(network.alone(np.zeros_like(image), mask)).all()


def test_its_cost_is_zero_where_the_drr_is_what_it_left(image):
    torch.manual_seed(0)
    network = SimilarityNetwork(CONFIG).eval()
    mask = np.ones(image.shape, bool)
    similarity = network.similarity(image, mask, ISOLATED)
    left = network.isolation.alone(image, mask)
    assert similarity.cost(4 * left + 1) == pytest.approx(0, abs=1e-5)
    assert similarity.cost(-left) == pytest.approx(2, abs=1e-5)


def test_a_card_brings_it_back():
    values = config_for_card(SimilarityNetwork(CONFIG).config)
    assert config_from_card(values) == CONFIG
    assert SimilarityNetwork(CONFIG).strides == (ISOLATED,)


@pytest.mark.parametrize('isolation', [None, UnetConfig((8, 8), 2)])
def test_there_is_an_encoder_or_an_isolation(isolation):
    encoder = SimilarityNetworkConfig().encoder if isolation else None
    with pytest.raises(InputError, match='either an encoder or an isolation'):
        SimilarityNetwork(SimilarityNetworkConfig(encoder=encoder, isolation=isolation))


def test_it_leads_in_around_projections_only():
    network = SimilarityNetwork(CONFIG)
    levels = learned(segmented_bone(), network).levels
    assert (levels[0].similarity, levels[0].stride) == ('learned', ISOLATED)
    assert levels[0].pixel_mm == pytest.approx(2.5)
    assert levels[1:] == segmented_bone().levels
    with pytest.raises(InputError, match=r'set region\.kind to projection'):
        learned(RegistrationConfig(), network)
