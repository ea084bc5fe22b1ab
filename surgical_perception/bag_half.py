"""Which half of the package a recording is for, guessed from its topics."""

from pathlib import Path

from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError

XRAY, ENDO = 'xray', 'endo'

_BAG_SUFFIXES = ('.mcap', '.db3')
_IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'


def is_bag(path):
    """Return whether a path is a ROS 2 bag: an .mcap or .db3 file, or a folder with one."""
    path = Path(path)
    if path.suffix in _BAG_SUFFIXES or (path / 'metadata.yaml').is_file():
        return True
    # A recording that was cut off has no metadata.
    return path.is_dir() and any(file.suffix in _BAG_SUFFIXES for file in path.iterdir())


def half_of(path):
    """
    Return (XRAY or ENDO, why in words) of a bag.

    Images of a left and a right eye are an endoscope; another image with a camera_info beside it
    is an X-ray.  Raises InputError, with the topics that there are, where neither fits.
    """
    with BagReader(path) as bag:
        topics = bag.topics
    images = sorted(name for name, topic in topics.items() if topic.type in _IMAGES)
    pairs = [name for name in images if 'left' in name.split('/') and right_of(name) in topics]
    if pairs:
        return ENDO, f'{pairs[0]} has {right_of(pairs[0])} beside it'
    with_info = [name for name in images if info_of(name, topics)]
    if with_info:
        return XRAY, f'{with_info[0]} has a camera_info and is no eye of a pair'
    listed = ', '.join(f'{name} [{topic.type}]' for name, topic in sorted(topics.items()))
    raise InputError(
        f'{path}: is of neither half: a C-arm has image_rect with camera_info beside it, a stereo '
        f'endoscope left/image_rect and right/image_rect, but it holds {listed or "no topic"}'
    )


def right_of(left):
    """Return the name of the right eye's topic beside that of the left one."""
    parts = left.split('/')
    parts[len(parts) - 1 - parts[::-1].index('left')] = 'right'
    return '/'.join(parts)


def info_of(image, topics):
    """Return the name of the camera_info beside an image among {name: Topic}, '' without one."""
    name = f'{image.removesuffix("/compressed").rpartition("/")[0]}/camera_info'
    return name if name in topics and topics[name].type == _CAMERA_INFO else ''
