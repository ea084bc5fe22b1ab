"""Sizes and durations of training runs, as data."""

from dataclasses import dataclass, field

from surgical_perception.errors import InputError
from surgical_perception.geometry.frames import POSITIONS
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import SimilarityNetworkConfig
from xray_registration.learned.pose_range import PoseRange
from xray_registration.training.loop import LoopConfig
from xray_registration.training.scenes import SceneConfig
from xray_registration.training.similarity_loss import SimilarityLossConfig


@dataclass(frozen=True)
class SimilarityTraining:
    """Everything that `train similarity` is told."""

    network: SimilarityNetworkConfig = field(default_factory=SimilarityNetworkConfig)
    scene: SceneConfig = field(default_factory=SceneConfig)
    loss: SimilarityLossConfig = field(default_factory=SimilarityLossConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)


# Offsets reach as far as a single start is to lead home from.
_SCENE = SceneConfig(
    offset_rotation_deg=40.0,
    offset_in_plane_mm=80.0,
    offset_depth_mm=80.0,
    pose_range=PoseRange(POSITIONS),
)

SIMILARITY_PRESETS = {
    # Half an hour on one CPU core.
    'tiny': SimilarityTraining(
        SimilarityNetworkConfig(EncoderConfig(8, (8, 16, 24, 32), 1)),
        _SCENE,
        loop=LoopConfig(steps=2000, batch=8, rate=3e-3),
    ),
    'paper': SimilarityTraining(scene=_SCENE, loop=LoopConfig(steps=100_000, batch=32, rate=1e-3)),
}


def similarity_preset(name):
    """Return the SimilarityTraining of that name; raises InputError for an unknown one."""
    if name not in SIMILARITY_PRESETS:
        known = ', '.join(SIMILARITY_PRESETS)
        raise InputError(f'there is no preset {name!r} of a similarity, expected one of {known}')
    return SIMILARITY_PRESETS[name]
