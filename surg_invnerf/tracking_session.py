"""One stereo pair on its way from messages to a result; runs in the worker, knows no rclpy."""

import threading
import warnings
from collections import deque
from dataclasses import dataclass

import numpy as np

from surg_invnerf.camera import StereoCamera
from surg_invnerf.clip import StereoFrame
from surg_invnerf.kinematics import KinematicPose, KinematicState
from surg_invnerf.live.result import LiveResult, State
from surg_invnerf.stereo.validation import stereo_camera_from_infos
from surgical_perception.errors import InputError
from surgical_perception.images import rgb_from_message
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_errors import TransformError
from surgical_perception.ros.validation import validate_image

# TF and camera_info come from two calibrations, but a swap or a wrong unit is far beyond this.
_BASELINE_TOLERANCE = 0.1
# Frames whose stamps are remembered: a surface belongs to a frame that the fit saw a while ago.
_REMEMBERED = 512


@dataclass(frozen=True)
class StereoPair:
    """The images of both eyes, their camera_info, and when they were complete."""

    images: tuple
    infos: tuple
    arrived_s: float  # steady clock

    @property
    def header(self):
        """Header of the left image, which is that of all results."""
        return self.images[0].header

    @property
    def stamp_ns(self):
        """Stamp of the left image."""
        return stamps.to_ns(self.header.stamp)


@dataclass(frozen=True)
class Tracked:
    """
    A pair with its result.

    camera          StereoCamera of the images as they were sent
    depth_camera    PinholeCamera of result.depth_m
    pose            KinematicPose, or None where no kinematics is used
    problems        what was wrong beside the images, in words
    """

    pair: StereoPair
    camera: StereoCamera
    depth_camera: object
    left: np.ndarray
    result: LiveResult
    pose: KinematicPose | None
    problems: tuple

    @property
    def state(self):
        """State of the result, at best DEGRADED where something beside the images was wrong."""
        return max(self.result.state, State.DEGRADED) if self.problems else self.result.state

    @property
    def reason(self):
        """Why the state is not TRACKING."""
        return '; '.join(filter(None, (self.result.reason, *self.problems)))


class TrackingSession:
    """
    Checks each pair, restarts where the calibration changed, and lets the pipeline track.

    make_pipeline   (StereoCamera, first id) -> LivePipeline
    poses           a pose source
    masks           ToolMasks
    lookup          (target, source, stamp_ns) -> target_from_source [4, 4]; raises TransformError
    say             function for what a person should see once

    `ask`, `save` and `close` may be called from any thread, `track` and `surface` from one.
    """

    def __init__(self, make_pipeline, poses, masks, lookup, say):
        self._make_pipeline, self._poses, self._masks = make_pipeline, poses, masks
        self._lookup, self._say = lookup, say
        self._pipeline = self._camera = self._calibration = None
        self._baseline_checked = False
        self._index = self._first_id = 0
        self._last_ns = self._surface_frame = -1
        self._headers = deque(maxlen=_REMEMBERED)  # (index, header of the left image)
        self._commands = deque()
        self._lock = threading.Lock()

    def ask(self, command):
        """Have `command(pipeline)` called before the next pair is tracked."""
        self._commands.append(command)

    def track(self, pair):
        """
        Return the Tracked of a StereoPair.

        Raises InputError where the pair cannot be used; the tracks then wait for a better one.
        """
        with self._lock:
            self._calibrate(pair)
            self._check_time(pair.stamp_ns)
            while self._commands:
                self._commands.popleft()(self._pipeline)
            return self._process(pair)

    def surface(self):
        """Return (header of its frame, Surface) where there is a new one, else None."""
        surface = self._pipeline.surface()
        if surface is None or surface.frame <= self._surface_frame:
            return None
        self._surface_frame = surface.frame
        header = next((h for index, h in self._headers if index == surface.frame), None)
        return None if header is None else (header, surface)

    def save(self, directory):
        """Write the map into a new directory and return that; raises InputError without a map."""
        pipeline = self._pipeline
        if pipeline is None:
            raise InputError('nothing to save: no stereo pair was tracked yet')
        return pipeline.save(directory)

    def reset(self, reason):
        """Forget tracks, model and poses before the next pair; ids go on."""
        self._last_ns = -1
        if self._pipeline:
            self.ask(lambda pipeline: pipeline.reset(reason))

    def close(self):
        """End the pipeline, after the frame that it may be busy with."""
        with self._lock:
            if self._pipeline:
                self._pipeline.close()
            self._pipeline = self._calibration = None
            self._commands.clear()

    def _process(self, pair):
        for image, info, eye in zip(pair.images, pair.infos, ('left', 'right'), strict=True):
            validate_image(image, info, f'{eye} image')
        left, right = (rgb_from_message(image) for image in pair.images)
        stamp_ns = pair.stamp_ns
        pose, pose_problem = self._poses.at(pair.header.frame_id, stamp_ns)
        mask, mask_problem = self._masks.at(stamp_ns, left.shape[:2])
        world_from_camera = pose.world_from_camera if pose else None
        frame = StereoFrame(self._index, stamp_ns, left, right, world_from_camera, mask)
        self._headers.append((self._index, pair.header))
        self._index += 1
        self._last_ns = stamp_ns
        result = self._pipeline.process(frame)
        if pose and pose.state is not KinematicState.TRACKING:
            pose_problem = ': '.join(filter(None, (pose.state.value, pose_problem)))
        elif pose:
            pose_problem = ''  # a pose that came a little late is held, and good enough
        problems = tuple(filter(None, (pose_problem, mask_problem)))
        depth_camera = self._pipeline.camera.left
        return Tracked(pair, self._camera, depth_camera, left, result, pose, problems)

    def _check_time(self, stamp_ns):
        if stamp_ns == self._last_ns:
            raise InputError(
                f'the left image repeats the stamp {stamps.text(stamp_ns)}: is the camera frozen?'
            )
        if stamp_ns < self._last_ns:
            self._say('stamps of the images jumped back: tracking starts over')
            self._poses.clear()
            self._masks.clear()
            self.reset('stamps of the images jumped back')

    def _calibrate(self, pair):
        """Make a pipeline for the camera of this pair where there is none for it yet."""
        calibration = tuple(_calibration(info) for info in pair.infos)
        if calibration != self._calibration:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter('always', UserWarning)
                camera = stereo_camera_from_infos(*pair.infos)
            for warning in caught:
                self._say(str(warning.message))
            self._replace_pipeline(camera)
            self._calibration, self._baseline_checked = calibration, False
        if not self._baseline_checked:
            self._check_baseline(*(image.header.frame_id for image in pair.images))

    def _replace_pipeline(self, camera):
        if self._pipeline:
            self._say('the calibration changed: tracking starts over with the new one')
            self._first_id = self._pipeline.next_id
            self._pipeline.close()
            self._pipeline = None
        self._pipeline = self._make_pipeline(camera, self._first_id)
        self._camera = camera

    def _check_baseline(self, left_frame, right_frame):
        """Compare the baseline with TF's, once TF has both cameras."""
        if left_frame == right_frame:
            self._baseline_checked = True
            return
        try:
            left_from_right = self._lookup(left_frame, right_frame, 0)
        except TransformError:
            return
        by_tf_m, by_info_m = left_from_right[0, 3], self._camera.baseline_m
        if abs(by_tf_m - by_info_m) > _BASELINE_TOLERANCE * by_info_m:
            raise InputError(
                f'the baseline is {1e3 * by_info_m:.2f} mm by camera_info, but {right_frame} lies '
                f'{1e3 * by_tf_m:.2f} mm to the right of {left_frame} by TF: correct one of them'
            )
        self._baseline_checked = True


def _calibration(info):
    return info.width, info.height, *(tuple(numbers) for numbers in (info.k, info.d, info.p))
