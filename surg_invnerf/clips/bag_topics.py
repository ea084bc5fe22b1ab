"""Which topics of a bag are the two eyes and their calibration."""

from dataclasses import dataclass

from surgical_perception.bag_half import info_of, right_of
from surgical_perception.errors import InputError

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO, CLOUD = 'sensor_msgs/msg/CameraInfo', 'sensor_msgs/msg/PointCloud2'
TF_MESSAGE, POSE_STAMPED = 'tf2_msgs/msg/TFMessage', 'geometry_msgs/msg/PoseStamped'

# What image_pipeline and drivers call a rectified image, best first.
_RECTIFIED = ('image_rect_color', 'image_rect', 'image_rect_mono')


@dataclass(frozen=True)
class StereoTopics:
    """Names of the topics of a stereo endoscope; camera_info is empty where a bag has none."""

    left: str
    right: str
    left_info: str
    right_info: str


def find_stereo(topics, path):
    """
    Return the StereoTopics of {name: bags.Topic}; raises InputError where they are not clear.

    A pair differs in one part of the name only: `left` and `right`.
    """
    names = sorted(
        (name for name, topic in topics.items() if topic.type in (IMAGE, COMPRESSED)), key=_rank
    )
    lefts = [name for name in names if 'left' in name.split('/')]
    pairs = [(name, right_of(name)) for name in lefts if right_of(name) in topics]
    if not pairs:
        raise InputError(f'{path}: {_no_pair(names, lefts)}')
    rectified = [pair for pair in pairs if _is_rectified(pair[0])]
    if not rectified:
        raise InputError(
            f'{path}: {pairs[0][0]} is not rectified: record left/image_rect and right/image_rect '
            '(image_proc makes them)'
        )
    best = [pair for pair in rectified if _rank(pair[0])[0] == _rank(rectified[0][0])[0]]
    if len(best) > 1:
        raise InputError(
            f'{path}: holds several stereo pairs ({", ".join(left for left, _ in best)}): '
            'give a bag with one'
        )
    left, right = best[0]
    return StereoTopics(left, right, *(info_of(name, topics) for name in (left, right)))


def first_of_type(topics, msgtype, suffix):
    """Return the first topic of a type whose name ends in `suffix`, or ''."""
    found = (n for n, topic in sorted(topics.items()) if topic.type == msgtype)
    return next((name for name in found if name.endswith(suffix)), '')


def _rank(name):
    """Sort rectified colour images first, plain ones before compressed ones."""
    parts = name.removesuffix('/compressed').split('/')
    kind = _RECTIFIED.index(parts[-1]) if parts[-1] in _RECTIFIED else len(_RECTIFIED)
    return (kind, name.endswith('/compressed')), name


def _is_rectified(name):
    return name.removesuffix('/compressed').split('/')[-1] in _RECTIFIED


def _no_pair(names, lefts):
    if lefts:
        return f'has {lefts[0]} but no {right_of(lefts[0])}: both eyes are needed'
    rights = [name for name in names if 'right' in name.split('/')]
    if rights:
        return f'has {rights[0]} but no image of the left eye: both eyes are needed'
    held = ', '.join(names) or 'no images'
    return f'is no recording of a stereo endoscope: it holds {held}, not left/image_rect'
