"""What the nodes made of the demo: recorded outputs beside the truth topic."""

import numpy as np

from surgical_perception.bags import read_messages
from surgical_perception.errors import InputError
from surgical_perception.evaluation import metrics
from surgical_perception.evaluation.results import Metric
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.validation import pose_from_transform, validate_pose
from xray_registration.demo.bag import CARM_FRAME, PATIENT_FRAME, TF, TRUTH
from xray_registration.evaluation.outcome import ShotOutcome
from xray_registration.evaluation.summary import summarise
from xray_registration.result import Verdict

POSE = '/xray_registration_node/pose'
STATUS = '/xray_registration_node/status'
CT_FRAME = 'ct'
# Of the status, what is said in words.
_REMARKS = ('mask', 'observability', 'calibration')


def read_outcomes(recording, scene):
    """Return one ShotOutcome per shot of the scene from the recorded bag; raises InputError."""
    poses, statuses, truths = {}, {}, {}
    for topic, _, message in read_messages(recording):
        if topic == POSE:
            poses[stamps.to_ns(message.header.stamp)] = message.pose
        elif topic == TRUTH:
            truths[stamps.to_ns(message.header.stamp)] = validate_pose(message.pose, topic)
        elif topic == STATUS:
            values = {item.key: item.value for item in message.values}
            statuses[stamps.from_text(values['image_stamp'])] = values
    if not statuses:
        raise InputError(f'{recording}: the registration node published nothing')
    missing = [shot for shot in scene.shots if shot.stamp_ns not in truths]
    if missing:
        raise InputError(f'{recording}: {len(missing)} of {len(scene.shots)} truths are missing')
    outcomes, known = [], scene.start
    for shot in scene.shots:
        outcome = _outcome(
            shot,
            scene.camera,
            known,
            truths[shot.stamp_ns],
            statuses.get(shot.stamp_ns, {}),
            poses.get(shot.stamp_ns),
        )
        outcomes.append(outcome)
        known = known if outcome.estimate is None else outcome.estimate
    return outcomes


def _outcome(shot, camera, start, truth, status, published):
    """Return the ShotOutcome of a shot: {} and None where nothing was published."""
    sigmas = [_number(status, f'sigma_{axis}_mm') for axis in ('right', 'down', 'depth')]
    return ShotOutcome(
        stamp_ns=shot.stamp_ns,
        verdict=status.get('verdict', ''),
        reason=status.get('reason', 'no status came: the shot was dropped'),
        camera=camera,
        carm_from_reference=se3.inverse(shot.patient_from_carm),
        reference_frame=PATIENT_FRAME,
        carm_frame=CARM_FRAME,
        start_name=status.get('start', ''),
        start=start,
        estimate=None if published is None else validate_pose(published.pose, POSE),
        truth=truth,
        covariance=None if published is None else np.reshape(published.covariance, (6, 6)),
        similarity=_number(status, 'similarity'),
        cost=_number(status, 'cost'),
        remarks={name: status[name] for name in _REMARKS if status.get(name)},
        sigma_mm=np.array(sigmas),
        iterations=_count(status, 'iterations'),
        starts=_count(status, 'starts'),
        time_s=_number(status, 'time_s'),
        latency_s=_number(status, 'latency_s'),
    )


def tf_disagreement_mm(recording, points):
    """Largest distance between the published pose and patient -> ct on /tf at its stamp."""
    poses, transforms = {}, {}
    for topic, _, message in read_messages(recording):
        if topic == POSE:
            poses[stamps.to_ns(message.header.stamp)] = validate_pose(message.pose.pose, topic)
        for item in message.transforms if topic == TF else ():
            if (item.header.frame_id, item.child_frame_id) == (PATIENT_FRAME, CT_FRAME):
                stamp_ns = stamps.to_ns(item.header.stamp)
                transforms[stamp_ns] = pose_from_transform(item.transform)
    if not poses or poses.keys() - transforms.keys():
        return float('inf')  # a pose without its transform: lookups at the image's stamp fail
    return max(metrics.mtre_mm(transforms[ns], pose, points) for ns, pose in poses.items())


def summarise_demo(table, exposed, tf_mm):
    """
    Return {name: Metric}: the evaluation's, over the shots that show the patient, and the demo's.

    exposed     whether a shot shows the patient, for each row
    """
    shown = [row for row, shows in zip(table, exposed, strict=True) if shows]
    dark = [row for row, shows in zip(table, exposed, strict=True) if not shows]
    return {
        **summarise(shown),
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


def _number(values, key):
    return float(values.get(key, 'nan'))


def _count(values, key):
    return int(values[key]) if key in values else None
