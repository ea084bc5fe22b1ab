"""Conditions under which cases are made, as data."""

from dataclasses import dataclass, replace

from surgical_perception.errors import InputError
from surgical_perception.geometry.frames import POSITIONS
from xray_registration.benchmark.soft_tissue import SoftTissueMotion
from xray_registration.benchmark.starts import START_RANGES, StartRange
from xray_registration.benchmark.xrays import TARGET_ATTENUATION
from xray_registration.learned.pose_range import PoseRange
from xray_registration.simulation import degrade, obstructions
from xray_registration.simulation.degrade import DegradeConfig
from xray_registration.simulation.obstructions import ObstructionConfig
from xray_registration.volume.attenuation import AttenuationConfig


@dataclass(frozen=True)
class CasePreset:
    """One condition: where the C-arm stands, what the detector does, what methods are given."""

    about: str  # half a sentence for people
    poses: PoseRange
    start_range: StartRange | None  # None: methods have to find a start themselves
    views: int = 1
    attenuation: AttenuationConfig = TARGET_ATTENUATION
    degradation: DegradeConfig = degrade.PRESETS['standard']
    obstructions: ObstructionConfig | None = None
    soft_tissue: SoftTissueMotion | None = None
    automatic_masks: bool = True  # whether methods may use them


_NEAR, _20, _30, _45 = START_RANGES

# Views around AP, as a C-arm is moved in the theatre.
_AROUND_AP = PoseRange(('AP',), 20.0, 20.0, 40.0, 700.0)
# What networks are trained on.
_ANYWHERE = PoseRange(POSITIONS)

_STANDARD = CasePreset('around AP, starts near', _AROUND_AP, _NEAR)
_HARD = CasePreset('anywhere, starts far off', _ANYWHERE, _30)

PRESETS = {
    'standard': _STANDARD,
    'standard-20': replace(_STANDARD, about='around AP, starts within 20 deg', start_range=_20),
    'standard-30': replace(_STANDARD, about='around AP, starts within 30 deg', start_range=_30),
    'standard-45': replace(_STANDARD, about='around AP, starts within 45 deg', start_range=_45),
    'training-range': CasePreset('anywhere, two views, no start', _ANYWHERE, None, views=2),
    'hard-far': _HARD,
    'hard-farther': replace(_HARD, about='anywhere, starts farther off', start_range=_45),
    'hard-gap': replace(
        _HARD,
        about='scatter, low dose, blur and a bent grey scale',
        attenuation=replace(TARGET_ATTENUATION, bone_multiplier=1.8),
        degradation=DegradeConfig(
            scatter_fraction=0.5,
            blur_px=1.0,
            photons=1e3,
            gain_spread=0.5,
            max_offset=0.1,
            gamma_spread=0.4,
        ),
    ),
    'hard-cropped': replace(
        _HARD,
        about='half of each side is collimated, no masks',
        obstructions=ObstructionConfig(collimator='rectangle', opening=(0.225, 0.325)),
        automatic_masks=False,
    ),
    'hard-metal': replace(
        _HARD,
        about='a plate, bars and wires, no masks',
        obstructions=replace(obstructions.PRESETS['obstructed'], collimator='none'),
        automatic_masks=False,
    ),
    'hard-soft': replace(
        _HARD, about='soft tissue has moved and changed', soft_tissue=SoftTissueMotion()
    ),
}


def preset(name):
    """Return the CasePreset of that name; raises InputError for an unknown one."""
    if name not in PRESETS:
        raise InputError(f'preset is {name!r}, expected one of {", ".join(PRESETS)}')
    return PRESETS[name]
