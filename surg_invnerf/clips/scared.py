"""
A keyframe of the SCARED data set: raw stereo video, camera poses, depth of every frame.

Layout: endoscope_calibration.yaml, Left_Image.png, Right_Image.png, left_depth_map.tiff (XYZ mm),
data/{rgb.mp4 (left above right), frame_data.tar.gz (poses), scene_points.tar.gz (XYZ mm)}.
Source: Allan et al., "Stereo correspondence and reconstruction of endoscopic data challenge",
2021.
"""

import json
from pathlib import Path

import numpy as np

from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.clips.archive import numbered_members
from surg_invnerf.clips.calibration import load_raw_pair
from surg_invnerf.clips.files import read_image
from surg_invnerf.clips.scared_depth import RectifiedDepth, read_points, stream_points
from surg_invnerf.clips.stacked import halves
from surg_invnerf.clips.video import Video
from surg_invnerf.kinematics import validated_poses
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

CALIBRATION = 'endoscope_calibration.yaml'
LEFT_IMAGE, RIGHT_IMAGE, DEPTH = 'Left_Image.png', 'Right_Image.png', 'left_depth_map.tiff'
VIDEO, POSES, POINTS = 'rgb.mp4', 'frame_data.tar.gz', 'scene_points.tar.gz'

_MM_PER_M = 1e3
_NS_PER_S = 1_000_000_000
# Of a keyframe without a video.
_STILL_FPS = 25.0


class ScaredClip(Clip):
    """
    The video of a keyframe, rectified; where it has none, its one pair of images.

    The world is the left camera of the keyframe's structured-light scan.  `depth_maps()` streams
    the truth.
    """

    def __init__(self, directory):
        self._directory = Path(directory)
        path = self._directory.resolve()
        self.name = f'{path.parent.name}/{path.name}'
        self.sources = {'calibration': self._directory / CALIBRATION}
        self._data = self._directory / 'data'
        self._video = Video(self._data / VIDEO) if (self._data / VIDEO).is_file() else None
        if self._video is None:
            self._still = [
                read_image(self._directory / name) for name in (LEFT_IMAGE, RIGHT_IMAGE)
            ]
            height, width = self._still[0].shape[:2]
            self.sources |= {name: self._directory / name for name in (LEFT_IMAGE, RIGHT_IMAGE)}
            self.fps, self._poses = _STILL_FPS, [None]
        else:
            width, height = self._video.width, self._video.height // 2
            self.fps = self._video.fps
        self._pair = load_raw_pair(self._directory / CALIBRATION, width, height)
        self._rectifier = self._pair.rectifier()
        self.camera = self._rectifier.camera
        if self._video is not None:
            self.sources |= {'video': self._data / VIDEO, 'poses': self._data / POSES}
            self._poses = self._load_poses()

    def __len__(self):
        return len(self._poses)

    def frames(self):
        """Yield the rectified StereoFrames with their poses."""
        pairs = [self._still] if self._video is None else map(halves, self._video.frames())
        for index, (pose, raw) in enumerate(zip(self._poses, pairs, strict=False)):
            left, right = self._rectifier.rectify(*raw)
            yield StereoFrame(index, round(index * _NS_PER_S / self.fps), left, right, pose)

    def depth_maps(self):
        """
        Yield (frame, depth_m [H, W] float32 of the rectified left image, NaN without a label).

        The tar is read once, from begin to end.  Raises InputError where there is no truth.
        """
        rectified = RectifiedDepth(self._pair, self._rectifier)
        if self._video is None:
            path = self._directory / DEPTH
            yield 0, rectified(read_points(path), str(path))
            return
        for frame, name, points_mm in stream_points(self._data / POINTS):
            if frame < len(self):
                yield frame, rectified(points_mm, name)

    def _load_poses(self):
        """Return world_from_camera [4, 4] (m) of the rectified left camera, per frame."""
        path = self._data / POSES
        raw_from_rectified = se3.from_rotation_translation(
            np.asarray(self._rectifier.rotations[0]).T, np.zeros(3)
        )
        camera_from_world = _read_camera_poses(path)
        if len(camera_from_world) > len(self._video):
            raise InputError(
                f'{path}: holds {len(camera_from_world)} poses, the video has '
                f'{len(self._video)} frames: it is cut off'
            )
        poses = [se3.inverse(pose) @ raw_from_rectified for pose in camera_from_world]
        return validated_poses(poses, self.fps, f'{path}: pose')


def _read_camera_poses(path):
    """Return camera_from_world [4, 4] (m) of the raw left camera, in the order of the frames."""
    found = {}
    for frame, name, data in numbered_members(path, ('json',)):
        what = f'{path}: {name}: camera-pose'
        try:
            pose = se3.validated(json.loads(data)['camera-pose'], what)
        except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError):
            raise InputError(f'{what}: expected JSON with a 4x4 matrix of that name') from None
        pose[:3, 3] /= _MM_PER_M
        found[frame] = pose
    if not found or sorted(found) != list(range(len(found))):
        raise InputError(f'{path}: expected frame_data000000.json and so on, without a gap')
    return [found[frame] for frame in range(len(found))]
