"""What surg_invnerf_node would say to a bag: its own checks of every pair, no tracking."""

from surg_invnerf.clips.bag_topics import find_stereo
from surg_invnerf.parameters import SurgInvnerfParameters
from surg_invnerf.tool_masks import ToolMasks
from surg_invnerf.tracking_session import StereoPair, TrackingSession
from surgical_perception.bag_check.node_check import NodeCheck
from surgical_perception.bag_check.refusals import Refusals
from surgical_perception.bag_check.streams import stream_findings
from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.findings import Finding, Level
from surgical_perception.parameters import build
from surgical_perception.ros.camera_pairing import ShotPairing

NODE = 'surg_invnerf_node'
EYES = ('left', 'right')
COMPRESSED = '/compressed'


def check(survey, values):
    """
    Return the NodeCheck of a BagSurvey; `values` are {parameter: value} of the node.

    Raises InputError for bad parameters.
    """
    parameters = build(SurgInvnerfParameters, values)
    try:
        topics = find_stereo(survey.topics, survey.path)
    except InputError as error:
        return NodeCheck(NODE, str(error).removeprefix(f'{survey.path}: '))
    images, infos = (topics.left, topics.right), (topics.left_info, topics.right_info)
    findings = _missing(images, infos)
    inputs = [*images, *filter(None, infos), *_transforms(survey)]
    findings += [f for name in inputs for f in stream_findings(survey.streams[name])]
    frames = [next(iter(survey.streams[name].frames), '') for name in images]
    pairs, good = 0, 0
    if not findings or all(info for info in infos):
        pairs, good, told = _pairs(survey, images, infos, parameters)
        findings += told
        count = min(survey.topics[name].count for name in (*images, *infos))
        if pairs < count:
            findings.append(_unmatched(images, parameters, pairs, count))
    arguments, told = _poses(survey, frames[0], topics.left, parameters)
    return NodeCheck(
        NODE,
        f'{good} of {survey.topics[topics.left].count} stereo pairs could be tracked',
        good > 0,
        findings + told,
        {
            'endo': 'true',
            'left_image': topics.left,
            'left_camera_info': topics.left_info,
            'right_image': topics.right,
            'right_camera_info': topics.right_info,
            **arguments,
        },
        dict(zip(frames, images, strict=True)),
    )


def _missing(images, infos):
    found = [
        Finding(Level.ERROR, image, 'has no camera_info beside it: record it, or publish it')
        for image, info in zip(images, infos, strict=True)
        if not info
    ]
    found += [
        Finding(
            Level.ERROR,
            image,
            'is compressed, the node takes plain images: run `ros2 run image_transport '
            'republish` beside it (`track` reads it as it is)',
        )
        for image in images
        if image.endswith(COMPRESSED)
    ]
    return found


def _pairs(survey, images, infos, parameters):
    """Return (complete pairs, those that the node accepts, Findings about the others)."""
    complete, good, refused, said = 0, 0, Refusals(), []
    session = TrackingSession(
        lambda camera, _first_id: _Untracked(camera),
        _NoPoses(),
        ToolMasks(parameters.input.tool_mask_max_age_s),
        survey.buffer.lookup,
        said.append,
    )
    came = []
    pairing = ShotPairing(
        EYES,
        parameters.camera_info_mode,
        parameters.input.sync_tolerance_s,
        lambda images, infos: came.append(StereoPair(images, infos, 0.0)),
    )
    take = {}
    for camera, image, info in zip(pairing.cameras, images, infos, strict=True):
        take |= {image: camera.add_image, info: camera.add_info}
    with BagReader(survey.path) as bag:
        for name, _, message in bag.messages(list(take)):
            take[name](message)
            while came:
                complete += 1
                try:
                    session.track(came.pop())
                    good += 1
                except InputError as error:
                    refused.add(error)
    findings = refused.findings(' + '.join(images), 'pairs are')
    findings += [Finding(Level.WARNING, ' + '.join(images), text) for text in dict.fromkeys(said)]
    return complete, good, findings


def _unmatched(images, parameters, pairs, count):
    return Finding(
        Level.ERROR,
        ' + '.join(images),
        f'{count - pairs} of {count} images are in no pair: left and right, and their '
        'camera_info, need equal stamps: trigger both cameras together, or raise '
        f'input.sync_tolerance_s from {parameters.input.sync_tolerance_s:g} s',
    )


def _transforms(survey):
    return [n for n, topic in survey.topics.items() if topic.type == 'tf2_msgs/msg/TFMessage']


def _poses(survey, frame, image, parameters):
    """Return (launch arguments, Findings) about the camera poses that TF holds."""
    world = parameters.world_frame or survey.tree.root_of(frame)
    stamps_ns = survey.streams[image].stamp_ns
    if world == frame or not stamps_ns:
        return {}, []
    missing = sum(not survey.buffer.can_transform(world, frame, at) for at in stamps_ns)
    arguments = {'camera_pose_source': 'tf', 'world_frame': world}
    if not missing:
        return arguments, []
    text = (
        f'TF does not say where {frame!r} is in {world!r} at {missing} of {len(stamps_ns)} images:'
        ' record /tf and /tf_static from before the first image on'
    )
    return arguments if missing < len(stamps_ns) else {}, [Finding(Level.WARNING, image, text)]


class _Untracked:
    """In the place of the pipeline: pairs are checked, nothing is tracked."""

    next_id = 0

    def __init__(self, camera):
        self.camera = camera

    def process(self, _frame):
        return None

    def reset(self, _reason):
        pass

    def close(self):
        pass


class _NoPoses:
    """In the place of the pose source."""

    def at(self, _frame, _stamp_ns):
        return None, ''

    def clear(self):
        pass
