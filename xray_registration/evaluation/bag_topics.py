"""Which topics of a bag are a C-arm's X-rays, and what else the registration is given."""

from dataclasses import dataclass

from surgical_perception.errors import InputError

IMAGE, CAMERA_INFO = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo'
POSE_WITH_COVARIANCE = 'geometry_msgs/msg/PoseWithCovarianceStamped'
POSE_STAMPED = 'geometry_msgs/msg/PoseStamped'
TF_MESSAGE = 'tf2_msgs/msg/TFMessage'

IMAGE_NAME, INFO_NAME, MASK_NAME = 'image_rect', 'camera_info', 'mask'
INITIAL_POSE_NAME = 'initial_pose'
TRUTH_NAMESPACE = 'truth'


@dataclass(frozen=True)
class XrayTopics:
    """
    Topics that a registration reads.

    images          {topic: view} of the X-rays, in the order of the views
    infos           {topic: view} of their camera_info
    masks           {topic: view} of their masks, as far as there are any
    initial_pose    '' where the bag has none
    truth           PoseStamped of the CT, '' where the bag has none
    transforms      topics of TFMessage
    """

    images: dict
    infos: dict
    masks: dict
    initial_pose: str
    truth: str
    transforms: tuple

    @property
    def inputs(self):
        """Return the topics that make shots, masks and starts."""
        return [*self.images, *self.infos, *self.masks, *filter(None, [self.initial_pose])]


def find_xray(topics, path, views=('carm',), images=(), truth=''):
    """
    Return the XrayTopics of {name: bags.Topic}.

    views       names of the views, as the node's parameter has them
    images      topics of the X-rays in the order of the views; empty guesses: `image_rect` with a
                camera_info beside it, of several views the one below the view's name
    truth       topic of the true pose; empty guesses: a PoseStamped below `truth/`

    Raises InputError, naming the topics that there are, where something is missing or ambiguous.
    """
    if images and len(images) != len(views):
        raise InputError(
            f'{len(images)} image topics but views {list(views)}: name one for each view'
        )
    chosen = [_given(topics, path, name, IMAGE) for name in images] or _guessed_images(
        topics, path, views
    )
    views = dict(zip(chosen, views, strict=True))
    masks = {_beside(name, MASK_NAME): view for name, view in views.items()}
    return XrayTopics(
        images=views,
        infos={_info_beside(topics, path, name): view for name, view in views.items()},
        masks={n: view for n, view in masks.items() if n in topics and topics[n].type == IMAGE},
        initial_pose=_initial_pose(topics),
        truth=_given(topics, path, truth, POSE_STAMPED) if truth else _guessed_truth(topics, path),
        transforms=tuple(sorted(n for n, topic in topics.items() if topic.type == TF_MESSAGE)),
    )


def _guessed_images(topics, path, views):
    found = sorted(
        name
        for name, topic in topics.items()
        if topic.type == IMAGE and _parts(name)[-1] == IMAGE_NAME and _info_of(name) in topics
    )
    if len(views) == 1 and len(found) == 1:
        return found
    by_view = [[name for name in found if view in _parts(name)] for view in views]
    if all(len(names) == 1 for names in by_view):
        return [names[0] for names in by_view]
    wanted = ', '.join(f'{view}/{IMAGE_NAME}' for view in views) if len(views) > 1 else IMAGE_NAME
    raise InputError(
        f'{path}: {wanted} with {INFO_NAME} beside it is wanted, but the images are '
        f'{_listed(topics, IMAGE)}: name the topic of each view (--image-topic)'
    )


def _initial_pose(topics):
    found = sorted(
        name
        for name, topic in topics.items()
        if topic.type == POSE_WITH_COVARIANCE and _parts(name)[-1] == INITIAL_POSE_NAME
    )
    return found[0] if found else ''


def _guessed_truth(topics, path):
    found = sorted(
        name
        for name, topic in topics.items()
        if topic.type == POSE_STAMPED and TRUTH_NAMESPACE in _parts(name)[:-1]
    )
    if len(found) > 1:
        raise InputError(f'{path}: has several truths ({", ".join(found)}): give --truth-topic')
    return found[0] if found else ''


def _given(topics, path, name, msgtype):
    """Return a topic that was named, or say what there is of its type."""
    if name not in topics or topics[name].type != msgtype:
        raise InputError(
            f'{path}: has no topic {name} of type {msgtype}, but {_listed(topics, msgtype)}'
        )
    return name


def _info_beside(topics, path, image):
    name = _info_of(image)
    if name not in topics or topics[name].type != CAMERA_INFO:
        raise InputError(f'{path}: {image} has no {name} beside it: record it too')
    return name


def _info_of(image):
    return _beside(image, INFO_NAME)


def _beside(image, name):
    return f'{image.rpartition("/")[0]}/{name}'


def _parts(name):
    return name.strip('/').split('/')


def _listed(topics, msgtype):
    return ', '.join(sorted(n for n, t in topics.items() if t.type == msgtype)) or 'none'
