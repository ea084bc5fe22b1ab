"""Settings of a fit, as named presets."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss; see `losses`."""

    reprojection: float = 1.0
    depth: float = 1.5
    colour: float = 1.0
    opacity: float = 0.1
    compactness: float = 0.05
    smoothness: float = 5.0
    pose: float = 0.1


@dataclass(frozen=True)
class FitConfig:
    """
    How the model is fitted.

    steps               limit of the whole fit
    pairs_per_step      frame pairs in a batch
    rays_per_pair       rays of each
    samples             samples along a ray
    plane_rate, network_rate, pose_rate
                        peak learning rates
    one_cycle           learning rates rise and fall once (offline) or stay (online)
    seed                of initial values and sampling
    """

    steps: int = 1200
    pairs_per_step: int = 8
    rays_per_pair: int = 96
    samples: int = 6
    plane_rate: float = 1e-2
    network_rate: float = 4e-3
    pose_rate: float = 3e-5
    one_cycle: bool = True
    weights: LossWeights = field(default_factory=LossWeights)
    seed: int = 0


FIT_PRESETS = {
    'small': FitConfig(),
    'full': FitConfig(steps=4000, rays_per_pair=256, samples=12),
    'online': FitConfig(plane_rate=5e-3, network_rate=2e-3, one_cycle=False),
}
