"""Every frame of a clip, measured: depth, what may be used, and where the camera was."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from surg_invnerf.observations import Observations
from surg_invnerf.observe import Observer
from surgical_perception.errors import InputError


@dataclass(frozen=True)
class MeasuredClip:
    """
    What a clip shows.

    observations    at working size, without pairs
    refused         {frame: reason} of frames that could not be used
    degraded        {frame: reason} of frames that are used all the same
    held_poses      number of frames whose pose is that of another, as kinematics had none
    """

    observations: Observations
    refused: dict
    degraded: dict
    held_poses: int


def measure(clip, config, kinematics, progress, matcher=None):
    """
    Measure a Clip and return a MeasuredClip.

    config          ObserveConfig
    kinematics      whether poses that the clip brings are used
    progress        called as progress(done, total)
    matcher         of stereo, as the Observer takes it

    Raises InputError where fewer than two frames can be used.
    """
    observer = Observer(clip.camera, config, matcher)
    observations = Observations(observer.camera)
    refused, degraded, poses = {}, {}, {}
    for done, frame in enumerate(clip.frames(), 1):
        seen = observer.observe(frame)
        reason = f'{seen.quality.name}: {seen.reason}'
        if seen.observation is None:
            refused[frame.index] = reason
        else:
            observations.add(seen.observation)
            poses[frame.index] = frame.world_from_camera if kinematics else None
            if seen.reason:
                degraded[frame.index] = reason
        progress(done, len(clip))
    if len(observations.frames) < 2:
        why = ''.join(f': {reason}' for reason, _ in Counter(refused.values()).most_common(1))
        raise InputError(
            f'{clip.name}: {len(observations.frames)} of {len(clip)} frames can be used, at '
            f'least 2 are needed{why}'
        )
    unknown = sum(pose is None for pose in poses.values())
    observations.has_poses = unknown < len(poses)
    filled = held_poses(poses) if observations.has_poses else dict.fromkeys(poses, np.eye(4))
    for index, frame in observations.frames.items():
        observations.frames[index] = replace(frame, world_from_camera=filled[index])
    return MeasuredClip(observations, refused, degraded, unknown if observations.has_poses else 0)


def held_poses(poses):
    """
    Return {frame: [4, 4]} with a pose for every frame of {frame: [4, 4] or None}.

    A frame without one gets the last one before it, or the first of all: what the camera did
    meanwhile is then left to the deformation.  One of them at least must be known.
    """
    known = [(frame, pose) for frame, pose in sorted(poses.items()) if pose is not None]
    frames = np.array([frame for frame, _ in known])
    return {
        frame: known[max(np.searchsorted(frames, frame, 'right') - 1, 0)][1] for frame in poses
    }
