"""The groups of the node's parameters, one dataclass each."""

from dataclasses import dataclass

from surgical_perception.geometry.frames import POSITIONS
from surgical_perception.parameters import param
from xray_registration.config import (
    REGIONS,
    CalibrationConfig,
    GateConfig,
    MultistartConfig,
    RegistrationConfig,
)
from xray_registration.presets import BONE_LEVELS

_CONFIG, _GATE, _STARTS = RegistrationConfig(), GateConfig(), MultistartConfig()
_CALIBRATION = CalibrationConfig()


@dataclass(frozen=True)
class CtParameters:
    """The CT that is registered."""

    path: str = param('', 'NIfTI, NRRD or MHA file, or folder of a DICOM series.')
    sha256: str = param('', 'Hash that the CT must have; empty accepts any.')
    labels: str = param('', 'Label map on the grid of the CT; empty uses none.')
    keep_labels: tuple[int, ...] = param((), 'Labels that are projected; empty keeps all.', low=0)


@dataclass(frozen=True)
class WeightsParameters:
    """Trained networks."""

    path: str = param('', 'Folder that `train` wrote, for a method that needs weights.')
    regressor: str = param('', 'Folder that `train regressor` wrote, for init network.')


@dataclass(frozen=True)
class AttenuationParameters:
    """How Hounsfield units become attenuation."""

    lower_hu: float = param(
        -1000.0, 'Voxels below count as air; -130 drops fat and lung too.', 'HU', -1024, 3000
    )
    bone_multiplier: float = param(
        1.0, 'Factor on voxels above 350 HU: bone absorbs more in a soft beam.', '', 0.1, 10
    )


@dataclass(frozen=True)
class AcceptParameters:
    """When a result is believed."""

    min_structure: float = param(
        _GATE.min_structure,
        'How far an X-ray must be from noise and smooth fields to be searched in: correlation of '
        'neighbouring pixels in what is finer than a bone.',
        '', -1, 1,
    )  # fmt: skip
    max_cost_ok: float = param(
        _GATE.max_cost_ok,
        'Largest cost for OK: mean of 1 - local NCC over the image at the last search level; 0 is '
        'perfect. X-rays with much that is not in the CT cost more.',
        '', 0, 2,
    )  # fmt: skip
    max_cost_degraded: float = param(
        _GATE.max_cost_degraded, 'Largest cost for DEGRADED; above it is REJECTED.', '', 0, 2
    )
    min_gain_ok: float = param(
        _GATE.min_gain_ok,
        'Smallest gain for OK: 1 - cost / cost of poses 15 mm or 6 degrees beside; a match of '
        'anything with anything gains little.',
        '', -1, 1,
    )  # fmt: skip
    min_gain_degraded: float = param(
        _GATE.min_gain_degraded, 'Smallest gain for DEGRADED; below it is REJECTED.', '', -1, 1
    )
    max_sigma_lateral_mm: float = param(
        _GATE.max_sigma_lateral_mm, 'Largest lateral standard deviation for OK.', 'mm', 0, 1000
    )
    max_sigma_depth_mm: float = param(
        _GATE.max_sigma_depth_mm, 'Largest standard deviation in depth for OK.', 'mm', 0, 1000
    )
    min_overlap: float = param(
        _GATE.min_overlap,
        'Smallest share of the usable image that the projected CT covers, or of the projected CT '
        'that is in the image where region.kind is projection.',
        '', 0, 1,
    )  # fmt: skip
    max_disagreement: float = param(
        _GATE.max_disagreement,
        'How far one view alone may want the CT elsewhere than all views do, in its own standard '
        'deviations.',
        '', 0, 1000,
    )  # fmt: skip
    test_mirrored: bool = param(
        _GATE.test_mirrored,
        'Try each X-ray mirrored as well: a flipped image is REJECTED by name.',
    )
    min_mirrored_ratio: float = param(
        _GATE.min_mirrored_ratio, 'How much more a mirrored X-ray must cost.', '', 0, 100
    )
    advise: bool = param(
        _GATE.advise, 'Say which direction is not seen and which second shot would show it.'
    )
    degraded: bool = param(
        True, 'Whether DEGRADED results are published as pose and TF too.', live=True
    )


@dataclass(frozen=True)
class MultistartParameters:
    """Where to look when the start is poor."""

    hypotheses: int = param(
        _STARTS.hypotheses,
        'Poses around the start, or around each C-arm position, that are matched to the X-ray and '
        'ranked.',
        '',
        1,
        10000,
    )
    max_starts: int = param(
        _STARTS.max_starts, 'Largest number of them that are optimised.', '', 1, 10000
    )
    rotation_deg: float = param(
        _STARTS.rotation_deg, 'Half range about each axis.', 'degrees', 0, 180
    )
    in_plane_mm: float = param(
        _STARTS.in_plane_mm, 'Half range in the image plane.', 'mm', 0, 1000
    )
    depth_mm: float = param(_STARTS.depth_mm, 'Half range along the beam.', 'mm', 0, 1000)
    seed: int = param(_STARTS.seed, 'Seed of the random starts.', low=0)


@dataclass(frozen=True)
class SearchParameters:
    """Where the C-arm may stand when no start is known."""

    positions: tuple[str, ...] = param(
        _CONFIG.positions,
        'C-arm positions to search around, of the first view; the side that the rays enter is '
        'named first. The fewer, the faster.',
        choices=POSITIONS,
    )
    source_to_isocentre_mm: float = param(
        _CONFIG.source_to_isocentre_mm,
        'Distance from the X-ray source to the centre of the CT there.',
        'mm', 100, 3000,
    )  # fmt: skip


@dataclass(frozen=True)
class TrackingParameters:
    """Sequences of X-rays, where init is previous."""

    max_gap_s: float = param(
        _CONFIG.tracking.max_gap_s,
        'An X-ray that comes within this time of an accepted one is tracked: few steps from a '
        'predicted pose, and a search only where they fail. 0 registers every X-ray anew.',
        's', 0, 10, live=True,
    )  # fmt: skip


@dataclass(frozen=True)
class CalibrationParameters:
    """How well the C-arm's own geometry is known; what is not exact is estimated with the pose."""

    view_rotation_deg: float = param(
        _CALIBRATION.view_rotation_deg,
        'Standard deviation of each further view\'s rotation against the first; 0 takes the '
        'geometry as exact.',
        'degrees', 0, 20,
    )  # fmt: skip
    view_translation_mm: float = param(
        _CALIBRATION.view_translation_mm,
        'Likewise of its translation; both must be above 0, or neither.',
        'mm', 0, 100,
    )  # fmt: skip
    sdd_percent: float = param(
        _CALIBRATION.sdd_percent,
        'Standard deviation of the source-detector distance of every view; one view alone hardly '
        'tells it from depth.',
        '%', 0, 20,
    )  # fmt: skip


@dataclass(frozen=True)
class RegionParameters:
    """Where X-ray and projected CT are compared."""

    kind: str = param(
        _CONFIG.region.kind,
        'whole: the usable image; projection: around the projected CT only, redrawn as it moves, '
        'at levels in mm: for a CT that holds one segmented bone; needs a start.',
        choices=REGIONS,
    )
    similarity: str = param(
        'gradient_ncc',
        'What the last level compares where region.kind is projection.',
        choices=tuple(BONE_LEVELS),
    )
    leave_out_cut: bool = param(
        _CONFIG.region.leave_out_cut,
        'Leave out rays that meet the body beyond a face where the CT cuts it off; always so '
        'where region.kind is projection.',
    )


@dataclass(frozen=True)
class MasksParameters:
    """What of an X-ray is used."""

    automatic: bool = param(
        _CONFIG.masks.automatic,
        'Leave out collimator, metal and instruments of an X-ray that has no mask.',
    )
    path: tuple[str, ...] = param(
        (),
        'Mask of each view: PNG or TIFF in the size of its images, not 0 where they may be used; '
        'masks on the topic mask win.',
    )
    metal: bool = param(
        _CONFIG.masks.metal,
        'Whether metal and instruments are among that; false for a segmented bone beside others, '
        'whose bright shafts look like wires.',
    )
    burnt_out: bool = param(
        _CONFIG.masks.burnt_out,
        'Leave out pixels as bright as the image gets: for a trunk whose lungs are burnt out, not '
        'for a limb in air.',
    )
    max_age_s: float = param(
        0.5, 'Largest time between an image and a mask on the topic that serves it.', 's', 0, 3600
    )


@dataclass(frozen=True)
class CarmParameters:
    """What an image does not tell about the C-arm; for drawing only."""

    source_to_detector_mm: float = param(
        1000.0, 'Distance of source and detector that ~/carm is drawn with.', 'mm', 100, 3000,
        live=True,
    )  # fmt: skip


@dataclass(frozen=True)
class TfParameters:
    """Transforms in and out."""

    rate_hz: float = param(
        10.0, 'Rate at which an accepted pose is broadcast again (tracked C-arm).', 'Hz', 0.1, 100
    )
    max_age_s: float = param(
        600.0, 'Age of the image at which broadcasting stops; 0 means until replaced.', 's', 0,
        86400, live=True,
    )  # fmt: skip
    timeout_s: float = param(
        0.5, 'How long to wait for the transforms of an image.', 's', 0, 10, live=True
    )
    anchor_frame: str = param(
        '',
        'Frame, such as the tracker, in which the reference frame may move but not jump; '
        'empty watches nothing.',
    )
    max_jump_mm: float = param(
        10.0,
        'Step of the reference frame in the anchor frame, from one broadcast to the next, that '
        'ends the broadcast.',
        'mm', 0.1, 1000, live=True,
    )  # fmt: skip


@dataclass(frozen=True)
class InputParameters:
    """Messages in."""

    timeout_s: float = param(
        5.0, 'Silence after which the node says which input is missing and why.', 's', 0.5, 3600,
        live=True,
    )  # fmt: skip
    sync_tolerance_s: float = param(
        0.0, 'Largest difference between the stamps of the views of one shot.', 's', 0, 60
    )


@dataclass(frozen=True)
class ComputeParameters:
    """The computation."""

    timeout_s: float = param(
        _CONFIG.timeout_s, 'Largest duration of one registration.', 's', 0.05, 3600
    )
