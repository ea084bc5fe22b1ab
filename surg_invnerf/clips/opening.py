"""Which kind of clip a path holds, guessed from what lies there."""

import re
from pathlib import Path

from surgical_perception.errors import InputError

SYNTHETIC = 'synthetic:'
BAG_SUFFIXES = ('.mcap', '.db3')
VIDEO_SUFFIXES = ('.mp4', '.avi', '.mkv', '.mov', '.m4v')

_KINDS = (
    'a bag, a folder with left/, right/ and calib.yaml, a STIR sequence (seqNN with frames/), a '
    'SCARED keyframe (with endoscope_calibration.yaml), a video with the left eye above the '
    f'right one, or {SYNTHETIC}SEED'
)


def open_clip(spec, calibration=None, kinematics_preset='ros'):
    """
    Return the Clip that a path (or 'synthetic:SEED') names; images are read when it is iterated.

    calibration         path of a calibration: needed for a video, and for a bag without
                        camera_info; refused where the clip brings its own
    kinematics_preset   convention of a bag's measured_cp or a folder's poses.json, one of
                        `kinematics.PRESETS`

    Raises InputError, naming the file, for what is none of them or is damaged.
    """
    spec = str(spec)
    if spec.startswith(SYNTHETIC):
        _refuse_calibration(calibration, 'a synthetic clip')
        return _synthetic(spec)
    path = Path(spec)
    if not path.exists():
        raise InputError(f'{spec}: there is no such clip: give {_KINDS}')
    if path.suffix in BAG_SUFFIXES or (path / 'metadata.yaml').is_file():
        from surg_invnerf.clips.bag import BagClip

        return BagClip(path, calibration, preset=kinematics_preset)
    if path.is_file():
        if path.suffix.lower() not in VIDEO_SUFFIXES:
            raise InputError(f'{path}: is no clip: give {_KINDS}')
        from surg_invnerf.clips.stacked import StackedVideoClip

        return StackedVideoClip(path, calibration)
    _refuse_calibration(calibration, f'{path}: the clip')
    return _folder(path, kinematics_preset)


def _folder(path, preset):
    """Return the Clip of a folder that is no bag."""
    if (path / 'endoscope_calibration.yaml').is_file():
        from surg_invnerf.clips.scared import ScaredClip

        return ScaredClip(path)
    if (path / 'calib.yaml').is_file() or any((path / 'left').glob('*.png')):
        from surg_invnerf.clips.folder import FolderClip

        return FolderClip(path, preset)
    if (path / 'frames').is_dir():
        from surg_invnerf.clips.stir import StirClip

        return StirClip(path)
    if (path / 'calib.json').is_file():
        return _stir_case(path)
    raise InputError(f'{path}: is no clip: give {_KINDS}')


def _stir_case(path):
    """Return the one sequence of a STIR case, or say which there are."""
    from surg_invnerf.clips.stir import StirClip

    sequences = sorted(path.glob('left*/seq*/'))
    if len(sequences) != 1:
        names = ', '.join(f'{s.parent.name}/{s.name}' for s in sequences[:8]) or 'none'
        raise InputError(
            f'{path}: is a STIR case of {len(sequences)} sequences: name one of them ({names})'
        )
    return StirClip(sequences[0])


def _synthetic(spec):
    from surg_invnerf.synthetic.clip import SyntheticClip
    from surg_invnerf.synthetic.config import SceneConfig

    seed = spec.removeprefix(SYNTHETIC)
    if not re.fullmatch(r'\d{1,9}', seed):
        raise InputError(f'{spec}: expected a whole number after {SYNTHETIC}, such as synthetic:1')
    return SyntheticClip(SceneConfig(seed=int(seed)))


def _refuse_calibration(calibration, what):
    if calibration is not None:
        raise InputError(f'{what} brings its own calibration: leave out {calibration}')
