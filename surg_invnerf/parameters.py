"""What users may set of the live node, in one dataclass, and how it becomes a LiveConfig."""

from dataclasses import dataclass, field

from surg_invnerf.kinematics import PRESETS
from surg_invnerf.live.config import HOSTS, FitHostConfig, HealthConfig, LiveConfig
from surgical_perception.parameters import param

CAMERA_POSE_SOURCES = ('none', 'tf', 'crtk')
_LIVE, _FIT, _HEALTH = LiveConfig(), FitHostConfig(), HealthConfig()


@dataclass(frozen=True)
class PointParameters:
    """Which points are tracked, and which are published."""

    budget: int = param(
        _LIVE.max_points, 'Largest number of points; queries beyond it are refused.', '', 1, 20000
    )
    grid: int = param(
        _LIVE.grid_points,
        'Points that are seeded on a grid at the start and after a reset; 0 for none.',
        '', 0, 20000,
    )  # fmt: skip
    max_age_s: float = param(
        5.0, 'A point that was not measured for longer is lost: ~/tracks leaves it out.', 's',
        0, 3600, live=True,
    )  # fmt: skip


@dataclass(frozen=True)
class FitParameters:
    """The fit of the invertible radiance field beside the tracker."""

    model: str = param(_FIT.model, 'Size of the model.', choices=('small', 'full'))
    host: str = param(
        _FIT.host,
        'Where it runs. process: of its own; thread: in this process; lockstep: inside every '
        'frame, slow and deterministic; off: the tracker is alone.',
        choices=HOSTS,
    )
    correspondence: str = param(
        _FIT.correspondence,
        'Source of correspondences: a name of the entry-point group surg_invnerf.correspondence.',
    )
    steps: int = param(_FIT.steps, 'Steps for each frame that it takes.', '', 1, 10000)
    window: int = param(_FIT.window, 'Newest frames that it sees.', '', 2, 1000)
    keyframes: int = param(_FIT.keyframes, 'Older frames that it sees.', '', 1, 1000)
    threads: int = param(_FIT.threads, 'Threads of the fit on a CPU.', '', 1, 256)


@dataclass(frozen=True)
class HealthParameters:
    """Limits between TRACKING, DEGRADED and LOST."""

    min_points: int = param(_HEALTH.min_points, 'Fewer visible points: LOST.', '', 1, 10000)
    min_seen_share: float = param(
        _HEALTH.min_seen_share, 'Smaller share of the points in view that is seen: DEGRADED.',
        '', 0, 1,
    )  # fmt: skip
    max_disagreement_mm: float = param(
        _HEALTH.max_disagreement_mm,
        'Larger median difference of model and stereo depth: DEGRADED.',
        'mm', 0.01, 1000,
    )  # fmt: skip
    max_fit_age_s: float = param(
        _HEALTH.max_fit_age_s, 'Longer without an answer of the fit: DEGRADED.', 's', 0.1, 3600
    )
    max_gap_s: float = param(
        _HEALTH.max_gap_s, 'Longer without a frame: tracks are not continued by flow.', 's',
        0.01, 60,
    )  # fmt: skip


@dataclass(frozen=True)
class TfParameters:
    """Transforms in and out."""

    timeout_s: float = param(
        0.05, 'How long a frame waits for the camera pose of its stamp.', 's', 0, 10, live=True
    )
    estimated_camera_frame: str = param(
        '',
        'Child of world_frame in which the camera pose of ~/camera_pose is sent to /tf too; '
        'empty: nothing is sent. A frame of the robot must not be named here.',
    )
    attach_ids: tuple[int, ...] = param(
        (),
        'Ids of points that are sent to /tf as frames <node>_track_<id>, z along the normal of '
        'the surface, while they are visible.',
        low=0, live=True,
    )  # fmt: skip


@dataclass(frozen=True)
class InputParameters:
    """Messages in."""

    timeout_s: float = param(
        5.0, 'Silence after which the node says which input is missing and why.', 's', 0.5, 3600,
        live=True,
    )  # fmt: skip
    lost_after_s: float = param(
        1.0, 'Time without a stereo pair after which ~/status says LOST.', 's', 0.05, 60
    )
    sync_tolerance_s: float = param(
        0.0, 'Largest difference between the stamps of left and right image.', 's', 0, 1
    )
    tool_mask_max_age_s: float = param(
        0.2, 'Largest difference between the stamps of an image and its tool mask.', 's', 0, 10
    )


@dataclass(frozen=True)
class PictureParameters:
    """What is published for people, and only when somebody has subscribed."""

    surface_rate_hz: float = param(1.0, 'Largest rate of ~/surface.', 'Hz', 0.01, 30, live=True)
    trail_s: float = param(2.0, 'Length of ~/trails in time.', 's', 0.1, 60, live=True)


@dataclass(frozen=True)
class ComputeParameters:
    """The computation."""

    deadline_s: float = param(
        _LIVE.deadline_s,
        'Time for one frame; points that it leaves no time for are carried by their neighbours.',
        's', 0.005, 10,
    )  # fmt: skip


@dataclass(frozen=True)
class SaveParameters:
    """What ~/save writes."""

    directory: str = param(
        '~/surg_invnerf', 'Folder in which each call of ~/save makes one of its own.', live=True
    )


@dataclass(frozen=True)
class SurgInvnerfParameters:
    """Every parameter of surg_invnerf_node."""

    autostart: bool = param(True, 'Configure and activate at start.')
    enabled: bool = param(True, 'Track; false: images are ignored.', live=True)
    camera_info_mode: str = param(
        'exact',
        'exact: camera_info carries the stamp of its image; latest: the last one serves, '
        'however old.',
        choices=('exact', 'latest'),
    )
    camera_pose_source: str = param(
        'none',
        'Where the pose of the left camera comes from. none: the deformation explains all motion; '
        'tf: TF, from world_frame to the frame of the left image; crtk: the topic measured_cp.',
        choices=CAMERA_POSE_SOURCES,
    )
    kinematics_preset: str = param(
        'ros',
        'Axes of the frame that those poses are of. ros: x right, y down, z forward; dvrk_isi: '
        'x left, y up, z forward.',
        choices=tuple(PRESETS),
    )
    world_frame: str = param(
        '',
        'Frame that stands still beside the patient, such as the base of the robot; needed for '
        'tf, and for crtk the frame that measured_cp must be in (empty: any).',
    )
    device: str = param('auto', 'Where the fit computes.', choices=('auto', 'cpu', 'cuda'))
    points: PointParameters = field(default_factory=PointParameters)
    fit: FitParameters = field(default_factory=FitParameters)
    health: HealthParameters = field(default_factory=HealthParameters)
    tf: TfParameters = field(default_factory=TfParameters)
    input: InputParameters = field(default_factory=InputParameters)
    pictures: PictureParameters = field(default_factory=PictureParameters)
    compute: ComputeParameters = field(default_factory=ComputeParameters)
    save: SaveParameters = field(default_factory=SaveParameters)

    def conflicts(self):
        """Return one sentence for each value that is good alone but not with the others."""
        source, estimated = self.camera_pose_source, self.tf.estimated_camera_frame
        checks = [
            (
                source == 'tf' and not self.world_frame,
                'camera_pose_source is tf, but world_frame is empty: name the base of the robot',
            ),
            (
                estimated and source == 'none',
                'tf.estimated_camera_frame is set, but camera_pose_source is none: there is no '
                'camera pose to send',
            ),
            (
                estimated and estimated == self.world_frame,
                f'tf.estimated_camera_frame {estimated!r} is world_frame too',
            ),
            (
                self.points.grid > self.points.budget,
                f'points.grid {self.points.grid} is above points.budget {self.points.budget}',
            ),
            (not self.save.directory, 'save.directory is empty'),
        ]
        for name, frame in (
            ('world_frame', self.world_frame),
            ('tf.estimated_camera_frame', estimated),
        ):
            checks.append((frame.startswith('/'), f'{name} {frame!r} starts with a slash'))
        return [text for wrong, text in checks if wrong]


def live_config(parameters, device):
    """Return the LiveConfig of SurgInvnerfParameters; `device` is cpu or cuda."""
    points, fit, health = parameters.points, parameters.fit, parameters.health
    return LiveConfig(
        deadline_s=parameters.compute.deadline_s,
        max_points=points.budget,
        grid_points=points.grid,
        health=HealthConfig(
            min_points=health.min_points,
            min_seen_share=health.min_seen_share,
            max_disagreement_mm=health.max_disagreement_mm,
            max_fit_age_s=health.max_fit_age_s,
            max_gap_s=health.max_gap_s,
        ),
        fit=FitHostConfig(
            host=fit.host,
            model=fit.model,
            correspondence=fit.correspondence,
            device=device,
            threads=fit.threads,
            steps=fit.steps,
            window=fit.window,
            keyframes=fit.keyframes,
        ),
    )
