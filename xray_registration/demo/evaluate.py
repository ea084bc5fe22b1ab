"""What the nodes made of the demo: recorded outputs beside the truth topic."""

from dataclasses import dataclass

import numpy as np

from surgical_perception.bags import read_messages
from surgical_perception.errors import InputError
from surgical_perception.evaluation import metrics
from surgical_perception.evaluation.results import Metric
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from xray_registration.demo.bag import PATIENT_FRAME, TF, TRUTH
from xray_registration.result import Verdict

POSE = '/xray_registration_node/pose'
STATUS = '/xray_registration_node/status'
CT_FRAME = 'ct'

# mTRE is over this many points spread over the bone surface; more change it by < 1 %.
_POINTS = 2000
_MM_PER_M = 1e3


@dataclass(frozen=True)
class ShotOutcome:
    """
    One shot: what was known before, what came out, what is true; poses are patient_from_ct.

    verdict         'OK', 'DEGRADED' or 'REJECTED'; '' where no status came
    start           pose before the shot: the given start, then the last accepted pose
    estimate        published pose, None where nothing was published
    sigma_mm        [3] as reported: right, down, depth; NaN without a result
    """

    stamp_ns: int
    exposed: bool
    verdict: str
    reason: str
    carm_from_patient: np.ndarray
    start: np.ndarray
    estimate: np.ndarray | None
    truth: np.ndarray
    similarity: float
    sigma_mm: np.ndarray
    time_s: float
    latency_s: float


def read_outcomes(recording, scene):
    """Return one ShotOutcome per shot of the scene from the recorded bag; raises InputError."""
    poses, statuses, truths = {}, {}, {}
    for topic, _, message in read_messages(recording):
        if topic == POSE:
            poses[stamps.to_ns(message.header.stamp)] = _transform(message.pose.pose)
        elif topic == TRUTH:
            truths[stamps.to_ns(message.header.stamp)] = _transform(message.pose)
        elif topic == STATUS:
            values = {item.key: item.value for item in message.values}
            statuses[stamps.from_text(values['image_stamp'])] = values
    if not statuses:
        raise InputError(f'{recording}: the registration node published nothing')
    missing = [shot for shot in scene.shots if shot.stamp_ns not in truths]
    if missing:
        raise InputError(f'{recording}: {len(missing)} of {len(scene.shots)} truths are missing')
    outcomes, known = [], scene.start
    for shot, exposed in zip(scene.shots, scene.exposed, strict=True):
        status = statuses.get(shot.stamp_ns, {})
        estimate = poses.get(shot.stamp_ns)
        sigmas = [_number(status, f'sigma_{axis}_mm') for axis in ('right', 'down', 'depth')]
        outcomes.append(
            ShotOutcome(
                stamp_ns=shot.stamp_ns,
                exposed=exposed,
                verdict=status.get('verdict', ''),
                reason=status.get('reason', 'no status came: the shot was dropped'),
                carm_from_patient=se3.inverse(shot.patient_from_carm),
                start=known,
                estimate=estimate,
                truth=truths[shot.stamp_ns],
                similarity=_number(status, 'similarity'),
                sigma_mm=np.array(sigmas),
                time_s=_number(status, 'time_s'),
                latency_s=_number(status, 'latency_s'),
            )
        )
        known = known if estimate is None else estimate
    return outcomes


def tf_disagreement_mm(recording, points):
    """Largest distance between the published pose and patient -> ct on /tf at its stamp."""
    poses, transforms = {}, {}
    for topic, _, message in read_messages(recording):
        if topic == POSE:
            poses[stamps.to_ns(message.header.stamp)] = _transform(message.pose.pose)
        for item in message.transforms if topic == TF else ():
            if (item.header.frame_id, item.child_frame_id) == (PATIENT_FRAME, CT_FRAME):
                t, q = item.transform.translation, item.transform.rotation
                transforms[stamps.to_ns(item.header.stamp)] = se3.from_quaternion(
                    [t.x, t.y, t.z], [q.x, q.y, q.z, q.w]
                )
    if not poses or poses.keys() - transforms.keys():
        return float('inf')  # a pose without its transform: lookups at the image's stamp fail
    return max(metrics.mtre_mm(transforms[ns], pose, points) for ns, pose in poses.items())


def rows(outcomes, points, centre, camera, pixel_mm):
    """
    Return the errors of every shot as dicts of numbers; NaN where nothing was published.

    points      [N, 3] anatomical points of the CT (m)
    centre      [3] point of the CT (m) whose error is split into the C-arm's axes
    """
    return [_row(outcome, points, centre, camera, pixel_mm) for outcome in outcomes]


def summarise(table, tf_mm):
    """Return {name: Metric} over the rows of the shots that show the patient."""
    shown = [row for row in table if row['exposed']]
    dark = [row for row in table if not row['exposed']]
    after = [row['mtre_mm'] for row in shown]
    good = sum(error < metrics.SUCCESS_MM for error in after)
    low, high = metrics.wilson_interval(good, len(shown))

    def statistic(key, percent):
        return metrics.percentile([row[key] for row in shown], percent)

    return {
        'shots': Metric(len(shown), '1', 'X-rays that show the patient'),
        'smsr': Metric(
            metrics.success_rate(after),
            '1',
            f'share with mTRE below 1 mm; 95 % interval {low:.2f} to {high:.2f}',
        ),
        'start_mtre': Metric(
            shown[0]['start_mtre_mm'], 'mm', '3D error on bone of the pose given at the start'
        ),
        'mtre_median': Metric(statistic('mtre_mm', 50), 'mm', '3D error on bone, median'),
        'mtre_p95': Metric(statistic('mtre_mm', 95), 'mm', 'its 95th percentile'),
        'mpe_median': Metric(statistic('mpe_mm', 50), 'mm', 'error on the detector'),
        'in_plane_median': Metric(statistic('in_plane_mm', 50), 'mm', 'error across the beam'),
        'depth_median': Metric(statistic('depth_mm', 50), 'mm', 'error along the beam'),
        'rotation_median': Metric(statistic('rotation_deg', 50), 'degrees', 'error of rotation'),
        'compute_median': Metric(statistic('time_s', 50), 's', 'computing time of a registration'),
        'latency_p95': Metric(
            statistic('latency_s', 95), 's', 'from the arrival of an X-ray to its pose, 95 %'
        ),
        'dropped': Metric(
            sum(not row['verdict'] for row in table), '1', 'X-rays overtaken by a newer one'
        ),
        'dark_rejected': Metric(
            float(np.mean([row['verdict'] == Verdict.REJECTED.value for row in dark])),
            '1',
            'share of shots without exposure that were rejected',
        ),
        'tf_disagreement': Metric(tf_mm, 'mm', 'largest difference between ~/pose and /tf'),
    }


def spread_points(vertices):
    """Return _POINTS of the vertices [N, 3], evenly by their order, float64."""
    step = max(1, len(vertices) // _POINTS)
    return np.asarray(vertices[::step], float)


def _row(outcome, points, centre, camera, pixel_mm):
    estimate, truth, carm = outcome.estimate, outcome.truth, outcome.carm_from_patient
    start_axes = metrics.camera_axes_error_mm(outcome.start, truth, centre, carm)
    row = {
        'stamp_s': outcome.stamp_ns / stamps.NS_PER_S,
        'exposed': outcome.exposed,
        'verdict': outcome.verdict,
        'reason': outcome.reason,
        'similarity': outcome.similarity,
        'sigma_mm': outcome.sigma_mm,
        'time_s': outcome.time_s,
        'latency_s': outcome.latency_s,
        'start_mtre_mm': metrics.mtre_mm(outcome.start, truth, points),
        'start_axes_error_mm': start_axes,
    }
    if estimate is None:
        nothing = dict.fromkeys(
            ('mtre_mm', 'mpe_mm', 'mrpe_mm', 'rotation_deg', 'in_plane_mm', 'depth_mm'), np.nan
        )
        return row | nothing | {'axes_error_mm': np.full(3, np.nan)}
    axes = metrics.camera_axes_error_mm(estimate, truth, centre, carm)
    return row | {
        'mtre_mm': metrics.mtre_mm(estimate, truth, points),
        'mpe_mm': metrics.mpe_mm(estimate, truth, points, camera, carm, pixel_mm),
        'mrpe_mm': metrics.mrpe_mm(estimate, truth, points, carm),
        'rotation_deg': metrics.rotation_error_deg(estimate, truth),
        'in_plane_mm': metrics.in_plane_error_mm(axes),
        'depth_mm': metrics.depth_error_mm(axes),
        'axes_error_mm': axes,
    }


def _transform(pose):
    p, q = pose.position, pose.orientation
    return se3.from_quaternion([p.x, p.y, p.z], [q.x, q.y, q.z, q.w])


def _number(values, key):
    return float(values.get(key, 'nan'))
