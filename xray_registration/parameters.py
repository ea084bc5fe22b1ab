"""What users may set, in one dataclass, and how it becomes a RegistrationConfig."""

from dataclasses import dataclass, field

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import FLIPS
from surgical_perception.parameters import param
from xray_registration.config import (
    CalibrationConfig,
    GateConfig,
    MaskConfig,
    MultistartConfig,
    RegionConfig,
    RegistrationConfig,
)
from xray_registration.methods import METHODS
from xray_registration.parameter_groups import (
    AcceptParameters,
    AttenuationParameters,
    CalibrationParameters,
    CarmParameters,
    ComputeParameters,
    CtParameters,
    InputParameters,
    MasksParameters,
    MultistartParameters,
    RegionParameters,
    SearchParameters,
    TfParameters,
    TrackingParameters,
    WeightsParameters,
)
from xray_registration.presets import around_projection
from xray_registration.views import INTENSITIES
from xray_registration.volume.attenuation import AttenuationConfig

INITS = ('previous', 'parameter', 'network', 'multistart')
_BACKENDS = {'auto': 'auto', 'cpu': 'numba', 'cuda': 'triton'}
_CONFIG = RegistrationConfig()


@dataclass(frozen=True)
class XrayRegistrationParameters:
    """Every parameter of xray_registration_node; the CLI takes its defaults from here too."""

    autostart: bool = param(True, 'Configure and activate at start.')
    enabled: bool = param(
        True, 'Register every image; false: only when ~/register is called.', live=True
    )
    views: tuple[str, ...] = param(
        ('carm',),
        'Names of the views that make one shot; several get one namespace each: '
        '<view>/image_rect, <view>/camera_info.',
    )
    camera_info_mode: str = param(
        'exact',
        'exact: camera_info carries the stamp of its image; latest: the last one serves, '
        'however old.',
        choices=('exact', 'latest'),
    )
    reference_frame: str = param(
        '',
        'Frame in which the CT is registered, such as patient for a tracked C-arm; empty: the '
        'frame of the (first) image.',
    )
    ct_frame: str = param('ct', 'Frame id of the CT (DICOM LPS in metres).')
    image_flip: str = param('none', 'Undo a mirrored detector; applied first.', choices=FLIPS)
    intensity: str = param(
        'raw',
        'raw: photon counts, bone dark; log: line integrals, bone bright; inverted: inverted '
        'line integrals, bone dark.',
        choices=INTENSITIES,
    )
    method: str = param(
        _CONFIG.method,
        '; '.join(f'{name}: {method.about}' for name, method in METHODS.items())
        + '. A trained one takes its weights from weights.path.',
        choices=tuple(METHODS),
    )
    device: str = param('auto', 'Where to compute.', choices=tuple(_BACKENDS))
    init: str = param(
        'previous',
        'Where a registration starts. previous: the last accepted pose, or multistart while there '
        'is none; parameter: init_pose; multistart: no start, many poses around every C-arm '
        'position in search.positions; network: where weights.regressor sees the CT. A pose on '
        'initial_pose wins until a result was accepted.',
        choices=INITS,
    )
    init_pose: tuple[float, ...] = param(
        (),
        'Pose of the CT in the reference frame: x y z (m) and quaternion x y z w.',
        'm and 1',
    )
    ct: CtParameters = field(default_factory=CtParameters)
    weights: WeightsParameters = field(default_factory=WeightsParameters)
    attenuation: AttenuationParameters = field(default_factory=AttenuationParameters)
    accept: AcceptParameters = field(default_factory=AcceptParameters)
    multistart: MultistartParameters = field(default_factory=MultistartParameters)
    search: SearchParameters = field(default_factory=SearchParameters)
    calibration: CalibrationParameters = field(default_factory=CalibrationParameters)
    tracking: TrackingParameters = field(default_factory=TrackingParameters)
    region: RegionParameters = field(default_factory=RegionParameters)
    masks: MasksParameters = field(default_factory=MasksParameters)
    carm: CarmParameters = field(default_factory=CarmParameters)
    tf: TfParameters = field(default_factory=TfParameters)
    input: InputParameters = field(default_factory=InputParameters)
    compute: ComputeParameters = field(default_factory=ComputeParameters)

    def conflicts(self):
        """Return one sentence for each value that is good alone but not with the others."""
        needs = METHODS[self.method].needs
        checks = [
            (
                self.init == 'network' and not self.weights.regressor,
                'init is network, but weights.regressor is empty: name the folder that `train '
                'regressor` wrote',
            ),
            (
                self.weights.regressor and self.init != 'network',
                f'weights.regressor is set, but init {self.init} uses no network',
            ),
            (
                self.weights.path and not needs,
                f'weights.path is set, but method {self.method} uses no network',
            ),
            (
                needs and not self.weights.path,
                f'method is {self.method}, but weights.path is empty: name the folder that '
                f'`train {needs}` wrote',
            ),
            (
                self.method not in ('lm', 'spherical') and self.region.kind == 'projection',
                f'method {self.method} compares whole images: use method lm or spherical where '
                'region.kind is projection',
            ),
            (
                METHODS[self.method].from_start and self.init == 'multistart',
                f'method {self.method} needs a start: use another init, or method lm',
            ),
            (not self.views, 'views is empty: name at least one, such as carm'),
            (
                len(set(self.views)) < len(self.views) or '' in self.views,
                f'views {list(self.views)} holds an empty or repeated name',
            ),
            (
                self.ct.keep_labels and not self.ct.labels,
                'ct.keep_labels is set without ct.labels: give the label map',
            ),
            (
                self.accept.max_cost_ok > self.accept.max_cost_degraded,
                f'accept.max_cost_ok {self.accept.max_cost_ok:g} is above '
                f'accept.max_cost_degraded {self.accept.max_cost_degraded:g}',
            ),
            (
                (self.calibration.view_rotation_deg > 0)
                != (self.calibration.view_translation_mm > 0),
                'only one of calibration.view_rotation_deg and calibration.view_translation_mm is '
                'above 0: set both or neither',
            ),
            (
                len(self.masks.path) not in (0, len(self.views)),
                f'masks.path names {len(self.masks.path)} files for {len(self.views)} views: name '
                'one for each view, or none',
            ),
            (
                not self.search.positions,
                'search.positions is empty: name at least one, such as AP',
            ),
            (
                self.accept.min_gain_ok < self.accept.min_gain_degraded,
                f'accept.min_gain_ok {self.accept.min_gain_ok:g} is below '
                f'accept.min_gain_degraded {self.accept.min_gain_degraded:g}',
            ),
            (not self.ct_frame, 'ct_frame is empty'),
            (
                self.ct_frame and self.ct_frame in (self.reference_frame, self.tf.anchor_frame),
                f'ct_frame {self.ct_frame!r} is the reference or anchor frame too',
            ),
        ]
        for name, frame in (
            ('ct_frame', self.ct_frame),
            ('reference_frame', self.reference_frame),
            ('tf.anchor_frame', self.tf.anchor_frame),
        ):
            checks.append((frame.startswith('/'), f'{name} {frame!r} starts with a slash'))
        found = [text for wrong, text in checks if wrong]
        if self.init == 'parameter' or self.init_pose:
            try:
                self.start_pose()
            except InputError as error:
                found.append(str(error))
        return found

    def start_pose(self):
        """Return init_pose as reference_from_ct [4, 4] (m); raises InputError with the reason."""
        if len(self.init_pose) != 7:
            raise InputError(
                f'init_pose has {len(self.init_pose)} numbers, expected 7: x y z in metres and '
                'the quaternion x y z w'
            )
        try:
            return se3.from_quaternion(np.array(self.init_pose[:3]), np.array(self.init_pose[3:]))
        except InputError as error:
            raise InputError(f'init_pose: {error}') from None


def registration_config(parameters):
    """Return the RegistrationConfig of XrayRegistrationParameters."""
    accept, multistart = parameters.accept, parameters.multistart
    calibration, region = parameters.calibration, parameters.region
    config = RegistrationConfig(
        method=parameters.method,
        backend=_BACKENDS[parameters.device],
        init='start' if parameters.init == 'parameter' else 'multistart',
        attenuation=AttenuationConfig(
            lower_hu=parameters.attenuation.lower_hu,
            bone_multiplier=parameters.attenuation.bone_multiplier,
            labels=parameters.ct.keep_labels,
        ),
        gate=GateConfig(
            min_structure=accept.min_structure,
            max_cost_ok=accept.max_cost_ok,
            max_cost_degraded=accept.max_cost_degraded,
            min_gain_ok=accept.min_gain_ok,
            min_gain_degraded=accept.min_gain_degraded,
            max_sigma_lateral_mm=accept.max_sigma_lateral_mm,
            max_sigma_depth_mm=accept.max_sigma_depth_mm,
            min_overlap=accept.min_overlap,
            max_disagreement=accept.max_disagreement,
            test_mirrored=accept.test_mirrored,
            min_mirrored_ratio=accept.min_mirrored_ratio,
            advise=accept.advise,
        ),
        multistart=MultistartConfig(
            hypotheses=multistart.hypotheses,
            max_starts=multistart.max_starts,
            rotation_deg=multistart.rotation_deg,
            in_plane_mm=multistart.in_plane_mm,
            depth_mm=multistart.depth_mm,
            seed=multistart.seed,
        ),
        masks=MaskConfig(
            automatic=parameters.masks.automatic,
            metal=parameters.masks.metal,
            burnt_out=parameters.masks.burnt_out,
        ),
        calibration=CalibrationConfig(
            view_rotation_deg=calibration.view_rotation_deg,
            view_translation_mm=calibration.view_translation_mm,
            sdd_percent=calibration.sdd_percent,
        ),
        positions=parameters.search.positions,
        source_to_isocentre_mm=parameters.search.source_to_isocentre_mm,
        region=RegionConfig(leave_out_cut=region.leave_out_cut),
        timeout_s=parameters.compute.timeout_s,
    )
    return around_projection(config, region.similarity) if region.kind == 'projection' else config
