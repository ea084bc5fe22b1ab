"""Camera poses by kinematics: conventions of robots, poses of a clip, a timeline of live poses."""

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

# published_from_optical: what a robot calls the endoscope's axes, seen from the optical frame
# (x right, y down, z forward).  dVRK's ISI convention has X left, Y up, Z away from the viewer.
PRESETS = {'ros': np.eye(4), 'dvrk_isi': np.diag([-1.0, -1.0, 1.0, 1.0])}

# An endoscope moves at 0.1 m/s at most; faster is a jump of the base, or millimetres.
MAX_SPEED_M_S = 0.5
MAX_TURN_RAD_S = np.deg2rad(180.0)
# What an encoder or a moving base may add between two samples, however close they are in time.
_SLACK_M, _SLACK_RAD = 2e-3, np.deg2rad(1.0)
# So many refused poses in a row, and the robot's base has moved rather than a sample been wrong.
_JUMPED_AFTER = 10


class KinematicState(Enum):
    """Where the pose of a frame comes from, in the words of diagnostics."""

    NONE = 'no camera pose: the deformation explains all motion'
    TRACKING = 'camera pose from kinematics'
    STALE = 'camera poses stopped: the last one is held, the deformation explains the rest'
    JUMPED = 'camera poses jumped and are refused: reset to start from the new ones'


@dataclass(frozen=True)
class KinematicPose:
    """The pose [4, 4] (m) of the left camera in the world, its state, and how old it is."""

    world_from_camera: np.ndarray
    state: KinematicState
    age_s: float


def world_from_optical(world_from_published, preset):
    """
    Return the optical frame's pose [4, 4] from a pose in a robot's convention.

    Raises InputError for a preset that is none of PRESETS.
    """
    if preset not in PRESETS:
        raise InputError(f'kinematics preset is {preset!r}, expected one of {", ".join(PRESETS)}')
    return np.asarray(world_from_published, float) @ PRESETS[preset]


def load_poses(path, fps, preset='ros'):
    """
    Read poses.json, `{"world_from_camera": [4x4, ...]}` in metres; return [T, 4, 4] float64.

    Raises InputError, naming the file, where it is none, or as `validated_poses` does.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f'{path}: cannot be read as JSON: {error}') from None
    if not isinstance(content, dict) or not isinstance(content.get('world_from_camera'), list):
        raise InputError(f'{path}: expected {{"world_from_camera": [4x4, ...]}}')
    poses = validated_poses(content['world_from_camera'], fps, f'{path}: pose')
    return world_from_optical(poses, preset)


def validated_poses(poses, fps, what='pose'):
    """
    Return a list of 4x4 matrices (m), one per frame, as float64 [T, 4, 4] of rigid transforms.

    Raises InputError where there is none, one is not rigid, or the camera jumps between two
    frames: poses in millimetres do, as does a list that belongs to another clip.
    """
    if len(poses) == 0:
        raise InputError(f'{what}s: the list is empty, expected one 4x4 matrix per frame')
    rigid = [se3.validated(pose, f'{what} {number}') for number, pose in enumerate(poses)]
    for number in range(1, len(rigid)):
        if reason := _jump(rigid[number - 1], rigid[number], 1 / fps):
            raise InputError(f'{what} {number} {reason}')
    return np.stack(rigid)


class PoseTimeline:
    """
    Camera poses as they arrive, asked for at the stamps of images.

    Between two samples the pose is interpolated.  Where samples stop for longer than `timeout_s`
    the last pose is held and marked STALE; without any, it is the identity, marked NONE.  Samples
    older than `history_s` are forgotten.
    """

    def __init__(self, preset='ros', timeout_s=0.2, history_s=10.0):
        """Take one of PRESETS, as which poses are published; raises InputError for another."""
        self._published_from_optical = world_from_optical(np.eye(4), preset)
        self._timeout_ns, self._history_ns = int(timeout_s * 1e9), int(history_s * 1e9)
        self.clear()

    def clear(self):
        """Forget every pose: after a reset, or when the clock jumped."""
        self._stamps, self._poses = [], []
        self._received_ns, self._refused = None, 0

    def add(self, stamp_ns, world_from_published):
        """
        Take a pose [4, 4] (m) as it is published.

        Raises InputError, and keeps nothing, for stamp 0 (which CRTK sends while a pose is
        invalid), a stamp that does not rise, a matrix that is not rigid, or a jump.
        """
        if stamp_ns <= 0:
            raise InputError(f'camera pose has stamp {stamp_ns}: the robot says it is invalid')
        if self._received_ns is not None and stamp_ns <= self._received_ns:
            raise InputError(
                f'camera pose is stamped {(self._received_ns - stamp_ns) / 1e9:.3f} s before the '
                'last one: reset after a jump of the clock'
            )
        rigid = se3.validated(world_from_published, 'camera pose')
        pose = rigid @ self._published_from_optical
        if self._stamps:
            # The time since any sample, not since an accepted one: else every jump would be
            # accepted once enough poses had been refused.
            reason = _jump(self._poses[-1], pose, (stamp_ns - self._received_ns) * 1e-9)
            if reason:
                self._received_ns, self._refused = stamp_ns, self._refused + 1
                raise InputError(f'camera pose {reason}')
        self._received_ns, self._refused = stamp_ns, 0
        self._stamps.append(stamp_ns)
        self._poses.append(pose)
        expired = bisect_left(self._stamps, stamp_ns - self._history_ns)
        del self._stamps[:expired], self._poses[:expired]

    def at(self, stamp_ns):
        """Return the KinematicPose at the stamp of an image."""
        place = bisect_right(self._stamps, stamp_ns) - 1
        if place < 0:
            return KinematicPose(np.eye(4), KinematicState.NONE, float('inf'))
        begin_ns, pose = self._stamps[place], self._poses[place]
        age_ns = stamp_ns - begin_ns
        if place + 1 < len(self._stamps):
            gap_ns = self._stamps[place + 1] - begin_ns
            if gap_ns <= self._timeout_ns:
                between = se3.interpolate(pose, self._poses[place + 1], age_ns / gap_ns)
                return KinematicPose(between, KinematicState.TRACKING, 0.0)
        if age_ns <= self._timeout_ns:
            state = KinematicState.TRACKING
        elif self._refused >= _JUMPED_AFTER:
            state = KinematicState.JUMPED
        else:
            state = KinematicState.STALE
        return KinematicPose(pose, state, age_ns * 1e-9)


def _jump(before, after, seconds):
    """Return what is wrong with the motion between two poses, or nothing."""
    moved = np.linalg.norm(after[:3, 3] - before[:3, 3])
    turned = se3.rotation_angle(se3.inverse(before) @ after)
    if moved > MAX_SPEED_M_S * seconds + _SLACK_M:
        return (
            f'lies {moved:.3g} m from the one {seconds:.3g} s before, faster than '
            f'{MAX_SPEED_M_S:g} m/s: is it in metres, and has the base not moved?'
        )
    if turned > MAX_TURN_RAD_S * seconds + _SLACK_RAD:
        return (
            f'is turned by {np.rad2deg(turned):.3g} degrees from the one {seconds:.3g} s before, '
            f'faster than {np.rad2deg(MAX_TURN_RAD_S):g} degrees/s: has the base not moved?'
        )
    return ''
