"""
A bag through the node's own session, without DDS: the same shots, starts, TF and registrations.

It is what a node would do that is never late: every shot is finished before the next one comes.
"""

from dataclasses import dataclass, field

from surgical_perception.errors import InputError
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_errors import TransformError
from surgical_perception.ros.validation import validate_header, validate_image, validate_pose
from xray_registration.evaluation.bag_shots import BagShots
from xray_registration.evaluation.outcome import ShotOutcome
from xray_registration.masks.automatic import with_masks
from xray_registration.parameters import registration_config
from xray_registration.result import Verdict
from xray_registration.session import RegistrationSession
from xray_registration.shot import Shot


@dataclass
class Replayed:
    """
    What came of a bag.

    outcomes    one ShotOutcome per shot, in the order of the bag
    notes       what the node would have logged, one sentence each
    unmatched   messages that found no partner
    """

    outcomes: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    unmatched: int = 0


def replay(path, topics, pipeline, parameters, on_shot=lambda: None):
    """
    Register every shot of a bag and return Replayed.

    topics      XrayTopics
    pipeline    RegistrationPipeline
    parameters  XrayRegistrationParameters; `enabled` is taken for true
    on_shot     called after each shot

    Raises InputError where the bag is damaged, holds no shot, or has a truth that fits none.
    """
    with BagShots(path, topics, parameters) as shots:
        found = _Replay(shots, topics.truth, pipeline, parameters, on_shot).run()
    if not found.outcomes:
        raise InputError(
            f'{path}: no X-ray has a camera_info of its stamp: stamp both alike, or set '
            'camera_info_mode to latest'
        )
    if topics.truth and all(outcome.truth is None for outcome in found.outcomes):
        raise InputError(f'{path}: {topics.truth} has no pose at the stamp of any X-ray')
    return found


class _Replay:
    def __init__(self, shots, truth_topic, pipeline, parameters, on_shot):
        self._shots, self._parameters, self._on_shot = shots, parameters, on_shot
        self._session = RegistrationSession(pipeline)
        self._found = Replayed()
        self._truths = _read_truths(shots.bag, truth_topic)
        self._known = None  # (frame, frame_from_ct) given or accepted last
        self._frame = None  # of the newest shot that could be used

    def run(self):
        for event in self._shots:
            if isinstance(event, Shot):
                self._found.outcomes.append(self._outcome(event))
                self._on_shot()
            else:
                self._on_initial_pose(event)
        self._found.unmatched = self._shots.unmatched
        self._found.notes += self._shots.notes
        return self._found

    def _on_initial_pose(self, message):
        expected = self._parameters.reference_frame or self._frame
        try:
            validate_header(message.header, 'initial_pose', expected)
            pose = validate_pose(message.pose.pose, 'initial_pose')
        except InputError as error:
            self._found.notes.append(f'initial_pose ignored: {error}')
            return
        self._session.give(message.header.frame_id, pose)
        self._known = (message.header.frame_id, pose)

    def _outcome(self, shot):
        reference = shot.reference(self._parameters)
        known = {
            'stamp_ns': shot.stamp_ns,
            'reference_frame': reference,
            'carm_frame': shot.frame,
            'start': self._start(reference),
            'truth': self._truth_at(shot.stamp_ns, reference),
        }
        try:
            views = self._shots.views(shot)
            views, masked = with_masks(views, registration_config(self._parameters).masks)
            done = self._session.register(views, reference, shot.stamp_ns, self._parameters)
        except InputError as error:
            return ShotOutcome(
                **known,
                verdict=Verdict.REJECTED.value,
                reason=' '.join(str(error).split()),
                camera=_camera(shot),
                carm_from_reference=None,
            )
        self._frame = shot.frame
        if done.note:
            self._found.notes.append(done.note)
        if done.accepted:
            self._known = (reference, done.result.reference_from_ct)
        return ShotOutcome(
            **known, **_found(done, views[0]), remarks=_remarks(done.result, masked)
        )

    def _start(self, reference):
        """Return the pose of the CT that is known before a shot, or None."""
        if self._known and self._known[0] == reference:
            return self._known[1]
        return self._parameters.start_pose() if self._parameters.init == 'parameter' else None

    def _truth_at(self, stamp_ns, reference):
        """Return reference_from_ct as it truly is, None where nobody knows."""
        if stamp_ns not in self._truths:
            return None
        frame, frame_from_ct = self._truths[stamp_ns]
        if frame == reference:
            return frame_from_ct
        try:
            return self._shots.lookup(reference, frame, stamp_ns) @ frame_from_ct
        except TransformError as error:
            self._found.notes.append(f'the truth at {stamps.text(stamp_ns)} is left out: {error}')
            return None


def _found(done, view):
    """Return what a Registration says, as the fields of a ShotOutcome."""
    result = done.result
    return {
        'verdict': result.verdict.value,
        'reason': result.reason,
        'camera': view.camera,
        'carm_from_reference': view.camera_from_reference,
        'start_name': done.start_name,
        'estimate': result.reference_from_ct if done.accepted else None,
        'calibration': result.calibration,
        'covariance': result.covariance,
        'similarity': float(result.similarity),
        'cost': float(result.cost),
        'sigma_mm': result.sigma_mm,
        'iterations': result.iterations,
        'starts': result.starts,
        'time_s': float(result.time_s),
    }


def _remarks(result, masked):
    """Return {name: text} as the status of the node says it, without what has nothing to say."""
    texts = {
        'mask': '; '.join(filter(None, masked)),
        'observability': result.observability.text() if result.observability else '',
        'calibration': result.calibration.text() if result.calibration else '',
    }
    return {name: text for name, text in texts.items() if text}


def _camera(shot):
    """Return the camera of a refused shot where its camera_info is sound, else None."""
    try:
        return validate_image(shot.images[0], shot.infos[0])
    except InputError:
        return None


def _read_truths(bag, topic):
    """Return {stamp: (frame, frame_from_ct [4, 4])}; raises InputError for a bad pose."""
    truths = {}
    for _, _, message in bag.messages([topic]) if topic else ():
        stamp_ns = validate_header(message.header, topic)
        truths[stamp_ns] = (message.header.frame_id, validate_pose(message.pose, topic))
    return truths
