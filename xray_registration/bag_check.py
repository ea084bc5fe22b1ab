"""What xray_registration_node would say to a bag: its checks of every shot, no registration."""

from dataclasses import replace

from surgical_perception.bag_check.node_check import NodeCheck
from surgical_perception.bag_check.refusals import Refusals
from surgical_perception.bag_check.streams import qos_findings, stream_findings
from surgical_perception.errors import InputError
from surgical_perception.findings import Finding, Level
from surgical_perception.parameters import build
from surgical_perception.ros.validation import validate_header, validate_pose
from xray_registration.evaluation.bag_shots import BagShots
from xray_registration.evaluation.bag_topics import find_xray
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.shot import Shot

NODE = 'xray_registration_node'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'


def check(survey, values, images=()):
    """
    Return the NodeCheck of a BagSurvey.

    values      {parameter: value} of the node
    images      topics of the X-rays in the order of the views; empty guesses

    Raises InputError for bad parameters.
    """
    parameters = build(XrayRegistrationParameters, values)
    try:
        topics = find_xray(survey.topics, survey.path, parameters.views, images)
    except InputError as error:
        # Said without the path, which the page names once.
        return NodeCheck(NODE, str(error).removeprefix(f'{survey.path}: ') + _compressed(survey))
    inputs = [*topics.images, *topics.infos, *topics.transforms]
    findings = [f for name in inputs for f in stream_findings(survey.streams[name])]
    for name in (*topics.transforms, *filter(None, [topics.initial_pose])):
        findings += qos_findings(survey.topics[name], reliable=True)
    frames = [next(iter(survey.streams[name].frames), '') for name in topics.images]
    if not parameters.reference_frame and (root := survey.tree.root_of(frames[0])) != frames[0]:
        # The C-arm hangs on something: most likely on the tracker's reference.
        parameters = replace(parameters, reference_frame=root)
    shots, good, told = _shots(survey, topics, parameters)
    findings += told
    count = min(survey.topics[name].count for name in topics.images)
    if shots < count:
        findings.append(_unmatched(survey, topics, parameters, shots, count))
    reference = parameters.reference_frame or frames[0]
    return NodeCheck(
        NODE,
        f'{good} of {count} X-rays could be registered, in frame {reference!r}',
        good > 0,
        findings,
        _arguments(topics, parameters),
        dict(zip(frames, topics.images, strict=True)),
    )


def _compressed(survey):
    """Say what to do about compressed images, which the node does not take."""
    names = [name for name, topic in survey.topics.items() if topic.type == COMPRESSED]
    if not names:
        return ''
    return (
        f'; {", ".join(names)} must be plain images: run `ros2 run image_transport republish` '
        'beside the replay'
    )


def _shots(survey, topics, parameters):
    """Return (complete shots, those that the node accepts, Findings about the others)."""
    shots, refused, starts = 0, Refusals(), Refusals()
    frame = None
    with BagShots(survey.path, topics, parameters) as events:
        for event in events:
            if not isinstance(event, Shot):
                try:
                    validate_header(
                        event.header, 'initial_pose', parameters.reference_frame or frame
                    )
                    validate_pose(event.pose.pose, 'initial_pose')
                except InputError as error:
                    starts.add(error)
                continue
            shots += 1
            try:
                events.views(event)
            except InputError as error:
                refused.add(error)
            else:
                frame = event.frame
    findings = refused.findings(', '.join(topics.images), 'X-rays are')
    if topics.initial_pose:
        findings += starts.findings(topics.initial_pose, 'start poses are', Level.WARNING)
    return shots, shots - refused.count, findings


def _unmatched(survey, topics, parameters, shots, count):
    """Say why there are fewer shots than images."""
    infos = min(survey.topics[name].count for name in topics.infos)
    text = f'{count - shots} of {count} X-rays have no camera_info of their stamp'
    cure = 'stamp image and camera_info alike'
    if not infos:
        cure = 'record camera_info, or publish it'
    elif parameters.camera_info_mode == 'exact':
        cure += f', or set camera_info_mode to latest ({infos} camera_info are there)'
    if len(topics.images) > 1:
        text += ', or no partner among the other views'
        cure += ', or raise input.sync_tolerance_s'
    return Finding(Level.ERROR, ', '.join(topics.images), f'{text}: {cure}')


def _arguments(topics, parameters):
    """Return the arguments of the launch file, which knows one view."""
    if len(topics.images) > 1:
        return {}
    arguments = {
        'xray': 'true',
        'ct': parameters.ct.path or 'YOUR_CT',
        'image': next(iter(topics.images)),
        'camera_info': next(iter(topics.infos)),
    }
    if topics.initial_pose:
        arguments['initial_pose'] = topics.initial_pose
    if parameters.reference_frame:
        arguments['reference_frame'] = parameters.reference_frame
    return arguments
