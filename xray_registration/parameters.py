"""What users may set, in one dataclass, and how it becomes a RegistrationConfig."""

from dataclasses import dataclass, field

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import FLIPS
from surgical_perception.parameters import param
from xray_registration.config import GateConfig, MultistartConfig, RegistrationConfig
from xray_registration.views import INTENSITIES
from xray_registration.volume.attenuation import AttenuationConfig

INITS = ('previous', 'parameter', 'network', 'multistart')
_BACKENDS = {'auto': 'auto', 'cpu': 'numba', 'cuda': 'triton'}
_CONFIG, _GATE, _STARTS = RegistrationConfig(), GateConfig(), MultistartConfig()


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

    path: str = param('', 'Weights of a trained method; `lm` needs none.')


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

    max_cost_ok: float = param(
        _GATE.max_cost_ok, 'Largest cost at the last search level for OK.', '', 0, 2
    )
    max_cost_degraded: float = param(
        _GATE.max_cost_degraded, 'Largest cost for DEGRADED; above it is REJECTED.', '', 0, 2
    )
    max_sigma_lateral_mm: float = param(
        _GATE.max_sigma_lateral_mm, 'Largest lateral standard deviation for OK.', 'mm', 0, 1000
    )
    max_sigma_depth_mm: float = param(
        _GATE.max_sigma_depth_mm, 'Largest standard deviation in depth for OK.', 'mm', 0, 1000
    )
    min_overlap: float = param(
        _GATE.min_overlap, 'Smallest share of the image that the projected CT covers.', '', 0, 1
    )
    degraded: bool = param(
        True, 'Whether DEGRADED results are published as pose and TF too.', live=True
    )


@dataclass(frozen=True)
class MultistartParameters:
    """Where to look when the start is poor."""

    max_starts: int = param(_STARTS.max_starts, 'Largest number of starts.', '', 1, 10000)
    rotation_deg: float = param(
        _STARTS.rotation_deg, 'Half range about each axis.', 'degrees', 0, 180
    )
    in_plane_mm: float = param(
        _STARTS.in_plane_mm, 'Half range in the image plane.', 'mm', 0, 1000
    )
    depth_mm: float = param(_STARTS.depth_mm, 'Half range along the beam.', 'mm', 0, 1000)
    seed: int = param(_STARTS.seed, 'Seed of the random starts.', low=0)


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
    method: str = param(_CONFIG.method, 'Registration method.', choices=('lm',))
    device: str = param('auto', 'Where to compute.', choices=tuple(_BACKENDS))
    init: str = param(
        'previous',
        'Where a registration starts. previous: the last accepted pose, or multistart while there '
        'is none; parameter: init_pose; multistart: many starts; network: not available yet. A '
        'pose on initial_pose wins until a result was accepted.',
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
    tf: TfParameters = field(default_factory=TfParameters)
    input: InputParameters = field(default_factory=InputParameters)
    compute: ComputeParameters = field(default_factory=ComputeParameters)

    def conflicts(self):
        """Return one sentence for each value that is good alone but not with the others."""
        checks = [
            (self.init == 'network', "init 'network' is not available yet: use another init"),
            (self.weights.path, f'weights.path is set, but method {self.method} uses no network'),
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
    return RegistrationConfig(
        method=parameters.method,
        backend=_BACKENDS[parameters.device],
        init='start' if parameters.init == 'parameter' else 'multistart',
        attenuation=AttenuationConfig(
            lower_hu=parameters.attenuation.lower_hu,
            bone_multiplier=parameters.attenuation.bone_multiplier,
            labels=parameters.ct.keep_labels,
        ),
        gate=GateConfig(
            max_cost_ok=accept.max_cost_ok,
            max_cost_degraded=accept.max_cost_degraded,
            max_sigma_lateral_mm=accept.max_sigma_lateral_mm,
            max_sigma_depth_mm=accept.max_sigma_depth_mm,
            min_overlap=accept.min_overlap,
        ),
        multistart=MultistartConfig(
            max_starts=multistart.max_starts,
            rotation_deg=multistart.rotation_deg,
            in_plane_mm=multistart.in_plane_mm,
            depth_mm=multistart.depth_mm,
            seed=multistart.seed,
        ),
        timeout_s=parameters.compute.timeout_s,
    )
