"""Settings of the registration, beside their reasons; presets as data."""

from dataclasses import dataclass, field

from surgical_perception.geometry.frames import POSITIONS
from xray_registration.volume.attenuation import AttenuationConfig

INITS = ('start', 'multistart')
REGIONS = ('whole', 'projection')


@dataclass(frozen=True)
class PyramidLevel:
    """One level of the coarse-to-fine registration."""

    image_size: int | None  # the longer image side after binning; None: pixel_mm says it
    voxel_mm: float  # spacing of the volume that is rendered
    similarity: str  # 'global_ncc', 'local_ncc', 'gradient_ncc', or 'learned' by a network
    max_steps: int
    patch: int = 15  # side of the local window in pixels, fewer where they are coarser than asked
    step_mm: float | None = None  # between samples on a ray; None is the voxel spacing
    pixel_mm: float | None = None  # size of a binned pixel at the isocentre's depth
    margin_mm: float = 3.0  # around the projected CT, where the region is that
    redraws: int = 1  # descents, each after the region has been drawn anew
    stride: int = 0  # of the network's features, where they are learned


@dataclass(frozen=True)
class GateConfig:
    """
    When a result is believed; benchmarks/calibration.py prints what the limits stand between.

    Costs, gains and agreement are those of the last search level.  On tuning X-rays right poses
    cost less than 0.04, also at low dose with heavy scatter, and gain more than 0.7; mirrored
    images and other CTs cost more than 0.20.  Where the CT is hardly in the field a wrong pose
    may cost 0.04 as well, but gains less than 0.6.
    """

    verified_cost: float = 0.06  # a start this good ends the search
    min_structure: float = 0.3  # how far an X-ray is from noise and smooth fields, 0 to 1
    max_cost_ok: float = 0.10
    max_cost_degraded: float = 0.16
    min_gain_ok: float = 0.7  # 1 - cost / cost of poses 15 mm or 6 degrees beside
    min_gain_degraded: float = 0.6
    max_sigma_lateral_mm: float = 3.0
    max_sigma_depth_mm: float = 15.0
    min_overlap: float = 0.25  # share of the usable image that the projected CT covers
    max_disagreement: float = 1.4  # of one view from all of them, in its standard deviations
    # A method that does not minimise ends beside the minimum, which is all that covariance and the
    # other limits know about.  On tuning X-rays lm ends within 0.06, regressors 1.0 to 3.4 away.
    max_unsettled: float = 1.0
    test_mirrored: bool = True  # whether the X-ray is tried mirrored as well
    min_mirrored_ratio: float = 1.3  # how much more the mirrored X-ray must cost
    advise: bool = True  # whether the direction that is not seen is named, and a shot that helps
    advise_above_mm: float = 0.1  # sigma above which a second shot is looked for


@dataclass(frozen=True)
class MultistartConfig:
    """Where to look when the start is poor or absent."""

    # Poses around the start, or around each position, that are shifted into place and ranked.
    hypotheses: int = 64
    max_starts: int = 64  # poses that are descended from, the given one among them
    rotation_deg: float = 45.0
    in_plane_mm: float = 90.0
    depth_mm: float = 90.0
    seed: int = 0


@dataclass(frozen=True)
class RegionConfig:
    """Where X-ray and DRR are compared."""

    kind: str = 'whole'  # 'whole' image, or 'projection': around the projected CT only
    leave_out_cut: bool = False  # rays that meet the body beyond a face where the CT cuts it off


@dataclass(frozen=True)
class MaskConfig:
    """What is left out of X-rays that come without a mask."""

    automatic: bool = True  # false uses all of such an X-ray
    collimator: bool = True  # leave out what lies behind a collimator
    metal: bool = True  # leave out plates, screws, wires, instruments
    # Leave out what is as bright as the image gets.  Air beside a limb may be just that, and the
    # limb's outline would go with it, so this is for trunks whose lungs are burnt out.
    burnt_out: bool = False


@dataclass(frozen=True)
class TrackingConfig:
    """How a frame that follows another one soon is registered."""

    max_gap_s: float = 0.5  # to the last accepted frame; 0 registers every frame anew
    levels: tuple[PyramidLevel, ...] = (
        PyramidLevel(64, 2.8, 'local_ncc', 4),
        PyramidLevel(128, 1.4, 'local_ncc', 4, patch=7, step_mm=2.0),
    )


@dataclass(frozen=True)
class CalibrationConfig:
    """Standard deviations of the C-arm's geometry; 0 takes what the views say as exact."""

    view_rotation_deg: float = 0.0  # of each further view against the first, about each axis
    view_translation_mm: float = 0.0  # likewise, along each axis
    sdd_percent: float = 0.0  # of each view's source-detector distance

    @property
    def moves_views(self):
        """Whether further views may move against the first; both deviations must be given."""
        return self.view_rotation_deg > 0 and self.view_translation_mm > 0

    @property
    def is_active(self):
        """Whether anything is estimated beside the pose."""
        return self.moves_views or self.sdd_percent > 0


@dataclass(frozen=True)
class RegistrationConfig:
    """Everything that `register` may be told."""

    method: str = 'lm'
    backend: str = 'auto'  # 'auto', 'numba', 'torch', 'triton'
    init: str = 'multistart'  # 'start' tries the given start only, 'multistart' around it too
    # The first `search_levels` levels are run for every start that is worth it; the last of them
    # is the gate's.
    search_levels: int = 3
    levels: tuple[PyramidLevel, ...] = (
        PyramidLevel(32, 5.6, 'global_ncc', 25),
        # Most poses of a search end here, for a third of the time of the next level.
        PyramidLevel(64, 5.6, 'local_ncc', 20),
        PyramidLevel(64, 2.8, 'local_ncc', 20),
        PyramidLevel(128, 2.8, 'local_ncc', 15, patch=9),
        # Small windows at the end: over larger ones a wrong bone contrast and scatter shift the
        # depth (median error 0.29 mm with 15 pixels, 0.17 mm with 7, on tuning targets).
        # Samples may lie further apart than voxels there: 1.0 and 2.0 mm steps end equally well.
        PyramidLevel(256, 1.0, 'local_ncc', 10, patch=7, step_mm=1.6),
    )
    attenuation: AttenuationConfig = field(default_factory=AttenuationConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    multistart: MultistartConfig = field(default_factory=MultistartConfig)
    region: RegionConfig = field(default_factory=RegionConfig)
    masks: MaskConfig = field(default_factory=MaskConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    robust_scale: float = 1.0  # Huber threshold on |Phi_moving - Phi_fixed|
    # Where the C-arm of the first view may stand, nearly, when there is no start.
    positions: tuple[str, ...] = POSITIONS
    source_to_isocentre_mm: float = 750.0  # its distance to the CT's centre there
    timeout_s: float = 30.0
