"""One fault each: how the messages of a good bag are changed, and what must be said then."""

from dataclasses import replace

import faulty_bags as bags
import numpy as np
from faulty_bags import START_NS, S

from surgical_perception import bag_messages
from surgical_perception.geometry.camera import PinholeCamera


def on(topic, change):
    """Return a change of the Items of one topic; None takes an Item away."""

    def changed(items):
        new = [change(item) if item.topic == topic else item for item in items]
        return [item for item in new if item is not None]

    return changed


def first_of(topic, change):
    """Return a change of the first Item of a topic."""

    def changed(items):
        place = next(i for i, item in enumerate(items) if item.topic == topic)
        new = change(items[place])
        return [*items[:place], *([new] if new else []), *items[place + 1 :]]

    return changed


def info_for(camera, shift_m=0.0):
    def change(item):
        stamp_ns = item.message.header.stamp.sec * S + item.message.header.stamp.nanosec
        frame = item.message.header.frame_id
        message = bag_messages.camera_info(stamp_ns, frame, camera, shift_m)
        return replace(item, message=message)

    return change


def uncalibrated(item):
    message = replace(item.message, k=np.zeros(9), p=np.zeros(12))
    return replace(item, message=message)


def tf_ahead(item):
    (transform,) = item.message.transforms
    header = bag_messages.header(item.bag_ns + 3600 * S, transform.header.frame_id)
    message = replace(item.message, transforms=[replace(transform, header=header)])
    return replace(item, message=message)


def turned(item):
    """Scale the quaternion of a transform, as a driver that does not normalise."""
    (transform,) = item.message.transforms
    rotation = replace(transform.transform.rotation, w=0.9)
    moved = replace(transform.transform, rotation=rotation)
    return replace(
        item, message=replace(item.message, transforms=[replace(transform, transform=moved)])
    )


IMAGE, INFO, TF = '/carm/image_rect', '/carm/camera_info', '/tf'
LATE = START_NS + 3 * S
XRAY_FAULTS = {
    'info of other stamps': (
        on(INFO, lambda item: bags.restamped(item, 1_000_000)),
        'set camera_info_mode to latest (6 camera_info are there)',
        0,
    ),
    'info once': (
        on(INFO, lambda item: item if item.bag_ns < START_NS + S else None),
        '5 of 6 X-rays have no camera_info of their stamp',
        1,
    ),
    'stamp 0': (
        on(IMAGE, lambda item: bags.with_header(item, stamp_ns=0)),
        '6 of 6 messages have stamp 0: the driver must set header.stamp',
        0,
    ),
    'no frame': (
        on(IMAGE, lambda item: bags.with_header(item, frame='')),
        '6 messages have an empty frame_id',
        0,
    ),
    'leading slash': (
        first_of(IMAGE, lambda item: bags.with_header(item, frame='/carm')),
        "frame_id '/carm': publish it without the leading slash",
        5,
    ),
    'wrong size': (
        on(INFO, info_for(PinholeCamera.from_carm(128, 128, 1000.0, 2.0))),
        '6 X-rays are rejected: image of view carm is 64x64, its camera_info is for 128x128',
        0,
    ),
    'uncalibrated': (on(INFO, uncalibrated), 'camera_info is uncalibrated (K[0] = 0)', 0),
    'TF begins late': (
        on(TF, lambda item: item if item.bag_ns > LATE else None),
        '3 X-rays are rejected: TF missing at the stamp of the image',
        3,
    ),
    'TF of another clock': (
        on(TF, tf_ahead),
        'its stamps are 60 minutes ahead of the times of recording',
        0,
    ),
    'one X-ray': (
        on(IMAGE, lambda item: None if item.bag_ns > START_NS + S else item),
        '1 of 1 X-rays could be registered',
        1,
    ),
    'best-effort TF': (
        on(TF, lambda item: replace(item, reliable=False)),
        'was published best effort, where the node asks for reliable',
        6,
    ),
    'start in another frame': (
        on('/initial_pose', lambda item: bags.with_header(item, frame='table')),
        "1 start poses are rejected: initial_pose is given in frame 'table', expected 'patient'",
        6,
    ),
    'stamps jump back': (
        first_of(IMAGE, lambda item: bags.restamped(item, 10 * S)),
        'the stamps jump back 1 times, first by 9 s',
        None,
    ),
    'stream with a gap': (
        on(TF, lambda item: None if LATE < item.bag_ns < LATE + 2 * S else item),
        '/tf: nothing came for 2 s after 3.0 s, usually every 50 ms',
        None,
    ),
}


LEFT, RIGHT = '/endoscope/left/image_rect', '/endoscope/right/image_rect'
RIGHT_INFO = '/endoscope/right/camera_info'
ENDO_FAULTS = {
    'eyes swapped': (
        on(RIGHT_INFO, info_for(bags.EYE, -0.0045)),
        '6 pairs are rejected: right camera_info has P[3]',
        0,
    ),
    'eyes apart in time': (
        lambda items: on(RIGHT, lambda item: bags.restamped(item, 20_000_000))(
            on(RIGHT_INFO, lambda item: bags.restamped(item, 20_000_000))(items)
        ),
        '6 of 6 images are in no pair',
        0,
    ),
    'no right camera_info': (
        on(RIGHT_INFO, lambda item: None),
        f'{RIGHT}: has no camera_info beside it',
        0,
    ),
    'frozen': (
        on(LEFT, lambda item: bags.with_header(item, stamp_ns=START_NS)),
        '5 messages have the stamp of the one before',
        None,
    ),
    'TF for the first half': (
        on(TF, lambda item: item if item.bag_ns < START_NS + S // 4 else None),
        'TF does not say where',
        6,
    ),
    'wide baseline': (
        on(RIGHT_INFO, info_for(bags.EYE, 0.045)),
        'the baseline is 45.0 mm, endoscopes have 3 to 6 mm',
        6,
    ),
}
