"""A folder of rectified images: left/NNNNNN.png right/NNNNNN.png calib.yaml [poses.json]."""

from itertools import pairwise
from pathlib import Path

from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.clips.calibration import load_rectified
from surg_invnerf.clips.files import read_image, read_mask
from surg_invnerf.kinematics import load_poses
from surgical_perception.errors import InputError

CALIBRATION, POSES = 'calib.yaml', 'poses.json'
LEFT, RIGHT, TOOL = 'left', 'right', 'tool_masks'

_NS_PER_S = 1_000_000_000


class FolderClip(Clip):
    """
    Frames numbered without a gap; frame 0 is the lowest number.

    `poses.json` gives world_from_camera (m) per frame, in the convention of a kinematics preset;
    `tool_masks/NNNNNN.png` are not 0 on instruments.  Raises InputError, naming the file, at once
    for what is missing, and while reading for what is damaged.
    """

    def __init__(self, directory, preset='ros'):
        self._directory = Path(directory)
        self.name = self._directory.resolve().name
        calibration = self._directory / CALIBRATION
        if not calibration.is_file():
            raise InputError(f'{calibration} is missing: it describes the rectified images')
        self.camera, self.fps = load_rectified(calibration)
        self._names = _frame_names(self._directory / LEFT)
        self._check_partners(RIGHT)
        self._has_masks = (self._directory / TOOL).is_dir()
        if self._has_masks:
            self._check_partners(TOOL)
        self.sources = {folder: self._directory / folder for folder in (LEFT, RIGHT)}
        self.sources['calibration'] = calibration
        self._poses = self._load_poses(preset)

    def __len__(self):
        return len(self._names)

    def frames(self):
        """Yield the StereoFrames; a frame's stamp is its index over fps."""
        size = (self.camera.left.width, self.camera.left.height)
        for index, name in enumerate(self._names):
            left, right = (read_image(self._directory / eye / name, size) for eye in (LEFT, RIGHT))
            pose = None if self._poses is None else self._poses[index]
            tool = read_mask(self._directory / TOOL / name, size) if self._has_masks else None
            yield StereoFrame(index, round(index * _NS_PER_S / self.fps), left, right, pose, tool)

    def _load_poses(self, preset):
        path = self._directory / POSES
        if not path.is_file():
            return None
        poses = load_poses(path, self.fps, preset)
        if len(poses) != len(self):
            raise InputError(f'{path}: holds {len(poses)} poses for {len(self)} frames')
        self.sources['poses'] = path
        return poses

    def _check_partners(self, folder):
        for name in self._names:
            if not (self._directory / folder / name).is_file():
                raise InputError(
                    f'{self._directory / folder / name} is missing: each left image needs its own'
                )
        surplus = len(list((self._directory / folder).glob('*.png'))) - len(self._names)
        if surplus:
            raise InputError(
                f'{self._directory / folder}: holds {surplus} images more than {LEFT}/: '
                'which of them belong together?'
            )


def _frame_names(folder):
    """Return the names of a folder's images, numbered without a gap."""
    paths = sorted(folder.glob('*.png'))
    if not paths:
        raise InputError(f'{folder}: holds no images NNNNNN.png')
    if bad := [path for path in paths if not path.stem.isdecimal()]:
        raise InputError(f'{bad[0]}: the name is no frame number, expected NNNNNN.png')
    numbers = [int(path.stem) for path in paths]
    for number, following in pairwise(numbers):
        if following != number + 1:
            raise InputError(
                f'{folder}: frame {number + 1} is missing: number the images without a gap'
            )
    return [path.name for path in paths]
