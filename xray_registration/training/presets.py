"""Sizes and durations of training runs, as data."""

from dataclasses import dataclass, field, replace

from surgical_perception.errors import InputError
from surgical_perception.geometry.frames import POSITIONS
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import SimilarityNetworkConfig
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.randomisation import RandomisationConfig
from xray_registration.learned.regressor import RegressorConfig
from xray_registration.learned.unet import UnetConfig
from xray_registration.learned.volume_networks import VolumeNetworkConfig
from xray_registration.learned.whole_image import WholeImageConfig
from xray_registration.training.loop import LoopConfig
from xray_registration.training.regressor_loss import RegressorLossConfig
from xray_registration.training.scenes import SceneConfig
from xray_registration.training.similarity_loss import SimilarityLossConfig
from xray_registration.training.whole_image_loss import WholeImageLossConfig


@dataclass(frozen=True)
class WholeImageTraining:
    """How the point of the whole image is trained, after the strides."""

    loss: WholeImageLossConfig = field(default_factory=WholeImageLossConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=8000, batch=32, rate=7e-4))


@dataclass(frozen=True)
class SimilarityTraining:
    """
    Everything that `train similarity` is told.

    beside      SHA-256 of CTs of other bones that X-rays of this one may show
    """

    network: SimilarityNetworkConfig = field(default_factory=SimilarityNetworkConfig)
    scene: SceneConfig = field(default_factory=SceneConfig)
    loss: SimilarityLossConfig = field(default_factory=SimilarityLossConfig)
    whole: WholeImageTraining = field(default_factory=WholeImageTraining)
    loop: LoopConfig = field(default_factory=LoopConfig)
    beside: tuple[str, ...] = ()


# Offsets reach as far as a single start is to lead home from.
_SCENE = SceneConfig(
    offset_rotation_deg=50.0,
    offset_in_plane_mm=100.0,
    offset_depth_mm=100.0,
    pose_range=PoseRange(POSITIONS),
)

# On a CPU: small images of a coarse volume, since what counts is how many poses are seen.
_SMALL_SCENE = replace(
    _SCENE, image_size=64, voxel_mm=5.6, randomisation=RandomisationConfig(share=0.6)
)

# A segmented bone within a full X-ray: a field of 120 mm around it, head up as far as the start is
# right, seen from any side.
_BONE_SCENE = SceneConfig(
    image_size=96,
    field_mm=163.2,
    voxel_mm=1.5,
    pose_range=PoseRange(POSITIONS, rotation_deg=40.0, in_plane_mm=25.0, depth_mm=40.0),
    randomisation=RandomisationConfig(share=0.4),
)


def _earlier(loss, manifold='spherical', **encoder):
    """Return an earlier method: one stride, trained by directions alone."""
    return SimilarityTraining(
        SimilarityNetworkConfig(
            EncoderConfig(8, (16, 32, 48, 64), 1, strides=(4,), **encoder), manifold=manifold
        ),
        replace(_SMALL_SCENE, image_size=32),
        replace(loss, landing_weight=0.0, coarse_above=0.0),
        loop=LoopConfig(steps=6000, batch=16, rate=2e-3),
    )


_SE3 = SimilarityLossConfig(geodesic='se3')

SIMILARITY_PRESETS = {
    # Forty minutes on one CPU core.
    'tiny': SimilarityTraining(
        SimilarityNetworkConfig(
            EncoderConfig(8, (16, 32, 48, 64), 1, strides=(8, 2)), whole=WholeImageConfig()
        ),
        replace(_SMALL_SCENE, image_size=32),
        loop=LoopConfig(steps=6000, batch=16, rate=2e-3),
    ),
    # Twenty minutes on one CPU core.
    'bone': SimilarityTraining(
        SimilarityNetworkConfig(encoder=None, isolation=UnetConfig((16, 32, 64, 96, 96), 2)),
        _BONE_SCENE,
        loop=LoopConfig(steps=6000, batch=12, rate=2e-3),
    ),
    # For method prost: with convolutions as ProST-m or with pooling transformers as ProST-t.
    'prost-m': _earlier(SimilarityLossConfig(), mixing=False),
    'prost-t': _earlier(SimilarityLossConfig()),
    # Composite encoders, as SOPI and CDreg have them.
    'sopi': _earlier(_SE3, 'euclidean', trunks='composite'),
    'cdreg': _earlier(replace(_SE3, decomposition_weight=1.0), 'euclidean', trunks='dual'),
    'paper': SimilarityTraining(
        SimilarityNetworkConfig(EncoderConfig(in_channels=3), VolumeNetworkConfig()),
        _SCENE,
        loop=LoopConfig(steps=100_000, batch=32, rate=1e-3),
    ),
}


@dataclass(frozen=True)
class RegressorTraining:
    """Everything that `train regressor` is told."""

    regressor: RegressorConfig = field(default_factory=RegressorConfig)
    scene: SceneConfig = _SCENE
    loss: RegressorLossConfig = field(default_factory=RegressorLossConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)


REGRESSOR_PRESETS = {
    'tiny': RegressorTraining(
        RegressorConfig((32, 64, 128, 256), (1, 1, 1, 1)),
        _SMALL_SCENE,
        loop=LoopConfig(steps=30_000, batch=16, rate=5e-4),
    ),
    'paper': RegressorTraining(loop=LoopConfig(steps=100_000, batch=64, rate=1e-3)),
}


@dataclass(frozen=True)
class LandmarkTraining:
    """Everything that `train landmarks` is told; `landmarks` where none are given."""

    unet: UnetConfig = field(default_factory=UnetConfig)
    landmarks: int = 24
    scene: SceneConfig = _SCENE
    loop: LoopConfig = field(default_factory=LoopConfig)


LANDMARK_PRESETS = {
    # Ten minutes on one CPU core.
    'tiny': LandmarkTraining(
        UnetConfig((16, 32, 64, 128, 128)),
        scene=_SMALL_SCENE,
        loop=LoopConfig(steps=4000, batch=16, rate=2e-3),
    ),
    'paper': LandmarkTraining(loop=LoopConfig(steps=100_000, batch=32, rate=1e-3)),
}


@dataclass(frozen=True)
class CoordinateTraining:
    """Everything that `train scene-coordinates` is told."""

    unet: UnetConfig = field(default_factory=lambda: UnetConfig(stride=4))
    scene: SceneConfig = _SCENE
    loop: LoopConfig = field(default_factory=LoopConfig)


COORDINATE_PRESETS = {
    # Ten minutes on one CPU core.
    'tiny': CoordinateTraining(
        UnetConfig((16, 32, 64, 128, 128), stride=4),
        _SMALL_SCENE,
        LoopConfig(steps=5000, batch=16, rate=2e-3),
    ),
    'paper': CoordinateTraining(loop=LoopConfig(steps=100_000, batch=32, rate=1e-3)),
}


def regressor_preset(name):
    """Return the RegressorTraining of that name; raises InputError for an unknown one."""
    return _known(REGRESSOR_PRESETS, name, 'a regressor')


def similarity_preset(name):
    """Return the SimilarityTraining of that name; raises InputError for an unknown one."""
    return _known(SIMILARITY_PRESETS, name, 'a similarity')


def landmark_preset(name):
    """Return the LandmarkTraining of that name; raises InputError for an unknown one."""
    return _known(LANDMARK_PRESETS, name, 'landmarks')


def coordinate_preset(name):
    """Return the CoordinateTraining of that name; raises InputError for an unknown one."""
    return _known(COORDINATE_PRESETS, name, 'scene coordinates')


def _known(presets, name, what):
    if name not in presets:
        known = ', '.join(presets)
        raise InputError(f'there is no preset {name!r} of {what}, expected one of {known}')
    return presets[name]
