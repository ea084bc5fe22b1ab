"""What happens in the demo: breathing tissue, a moving scope on a robot, a passing instrument."""

from dataclasses import dataclass, field

from surg_invnerf.pipeline import TrackingConfig
from surg_invnerf.synthetic.config import SceneConfig


@dataclass(frozen=True)
class DemoConfig:
    """
    The demo in numbers.

    scene       of the clip, with poses of the robot
    rate        playing speed of the replay; a fit beside the tracker needs a core of its own
    tracking    settings of the fit of the whole clip, without ROS
    """

    scene: SceneConfig = field(
        default_factory=lambda: SceneConfig(seed=1, frames=40, fps=10.0, poses=True)
    )
    rate: float = 0.15
    tracking: TrackingConfig = field(default_factory=lambda: TrackingConfig(steps=600))
