"""A trained similarity as the registration holds it: its networks and the manifold."""

from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from surgical_perception.errors import InputError
from xray_registration.learned import weights
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.isolation import ISOLATED, Isolation
from xray_registration.learned.manifolds import MANIFOLDS
from xray_registration.learned.similarity import LearnedSimilarity
from xray_registration.learned.two_trunks import encoder_of
from xray_registration.learned.unet import UnetConfig
from xray_registration.learned.volume_networks import VolumeNetwork, VolumeNetworkConfig
from xray_registration.learned.whole_image import WHOLE, WholeImage, WholeImageConfig
from xray_registration.similarity import GlobalNcc
from xray_registration.volume.attenuation import AttenuationVolume


@dataclass(frozen=True)
class SimilarityNetworkConfig:
    """Everything that a similarity network is built from."""

    encoder: EncoderConfig | None = field(default_factory=EncoderConfig)
    volume: VolumeNetworkConfig = field(default_factory=lambda: VolumeNetworkConfig('none'))
    manifold: str = 'spherical'
    # Of the images and the CT that it is trained on, and therefore used on.
    image_size: int = 128
    isocentre_field_mm: float = 218.4  # side of the square around the isocentre that they show
    voxel_mm: float = 2.8
    whole: WholeImageConfig | None = None
    isolation: UnetConfig | None = None  # instead of all others, for one segmented bone


class SimilarityNetwork(torch.nn.Module):
    """
    Encoder of images and, where there are any, networks of the whole image and the volume; or
    that which isolates a bone.
    """

    def __init__(self, config):
        super().__init__()
        if config.manifold not in MANIFOLDS:
            raise InputError(
                f'manifold is {config.manifold!r}, expected one of {", ".join(MANIFOLDS)}'
            )
        self.config = config
        self.manifold = MANIFOLDS[config.manifold]
        self.isolation = config.isolation and Isolation(config.isolation)
        if bool(config.isolation) == bool(config.encoder):
            raise InputError('a similarity has either an encoder or an isolation')
        self.encoder = config.encoder and encoder_of(config.encoder)
        self.volume = None if config.volume.kind == 'none' else VolumeNetwork(config.volume)
        if config.whole and self.volume:
            raise InputError('a point of the whole image and a volume network exclude each other')
        self.whole = config.whole and WholeImage(config.whole)
        if config.encoder and config.encoder.in_channels != self.channels:
            raise InputError(
                f'encoder.in_channels is {config.encoder.in_channels}, but the volume network '
                f'makes {self.channels}'
            )

    @property
    def channels(self):
        """Number of volumes that are projected."""
        return 1 if self.volume is None else self.volume.channels

    @property
    def strides(self):
        """
        Strides of the features, coarse ones first; WHOLE is a point for the whole image, ISOLATED
        one for what is left of it.
        """
        if self.isolation:
            return (ISOLATED,)
        return ((WHOLE,) if self.whole else ()) + self.config.encoder.strides

    def similarity(self, fixed, mask, stride):
        """Return the similarity to a fixed image [H, W] with mask [H, W] bool."""
        if stride not in self.strides:
            raise InputError(f'stride is {stride}, this network has {self.strides}')
        if self.isolation:
            return GlobalNcc(self.isolation.alone(fixed, mask), np.ones_like(mask))
        fixed = np.repeat(fixed[None], self.channels, 0)
        encoder = self.whole if stride == WHOLE else self.encoder
        return LearnedSimilarity(encoder, self.manifold, stride, fixed, mask)

    def projected(self, volume):
        """Return the AttenuationVolumes that are rendered in the place of one."""
        if self.volume is None:
            return [volume]
        if self not in volume.cache:
            with torch.no_grad():
                channels = self.volume(torch.as_tensor(volume.mu_per_m)).cpu().numpy()
            volume.cache[self] = [
                AttenuationVolume(np.ascontiguousarray(mu), volume.ct_from_index)
                for mu in channels
            ]
        return volume.cache[self]


def load_similarity(folder, ct_sha256, device='cpu'):
    """
    Return the SimilarityNetwork of a folder that `train similarity` wrote, ready to be used.

    Raises InputError for weights that are damaged, of another kind, or of another CT.
    """
    _, network = weights.load_network(
        folder, 'similarity', ct_sha256, config_from_card, SimilarityNetwork, device
    )
    return network


def config_from_card(values):
    """Return the SimilarityNetworkConfig that a card holds as plain values."""
    encoder, whole, isolation = (values.get(name) for name in ('encoder', 'whole', 'isolation'))
    if encoder:
        encoder = EncoderConfig(
            **encoder | {name: tuple(encoder[name]) for name in ('widths', 'strides')}
        )
    if whole:
        whole = WholeImageConfig(tuple(whole['widths']), whole['channels'])
    if isolation:
        isolation = UnetConfig.from_values(isolation)
    volume = VolumeNetworkConfig(**values['volume'])
    others = {
        name: values[name] for name in ('manifold', 'image_size', 'isocentre_field_mm', 'voxel_mm')
    }
    return SimilarityNetworkConfig(encoder, volume, whole=whole, isolation=isolation, **others)


def config_for_card(config):
    """Return a SimilarityNetworkConfig as plain values."""
    return asdict(config)
