"""What is wrong with the times, frames and QoS of the topics that a node takes."""

import numpy as np

from surgical_perception.findings import Finding, Level
from surgical_perception.frames.tree import STATIC_TOPIC
from surgical_perception.ros import stamps

# Beyond this, driver and recorder have clocks of their own.
_MAX_OFFSET_S = 2.0
# A gap is what is longer than this many usual periods, and than a second.
_GAP_PERIODS, _MIN_GAP_S = 10, 1.0


def stream_findings(stream):
    """Return the Findings about one Stream of an input."""
    name, found = stream.topic.name, []

    def say(level, text):
        found.append(Finding(level, name, text))

    if not stream.bag_ns:
        say(Level.ERROR, 'holds no message: was its driver running?')
        return found
    if stream.damaged:
        say(Level.ERROR, stream.damaged)
    stamp_ns = np.array(stream.stamp_ns, np.int64)
    if zero := int((stamp_ns == 0).sum()):
        say(
            Level.ERROR,
            f'{zero} of {len(stamp_ns)} messages have stamp 0: the driver must set header.stamp; '
            'they are rejected',
        )
    if '' in stream.frames:
        say(
            Level.ERROR,
            f'{stream.frames[""]} messages have an empty frame_id: the driver must set '
            'header.frame_id; they are rejected',
        )
    if len(stream.frames) > 1 and stream.topic.type.startswith('sensor_msgs/'):
        say(Level.WARNING, f'comes in several frames: {", ".join(map(repr, stream.frames))}')
    stamped = stamp_ns[stamp_ns > 0]
    steps = np.diff(stamped)
    if back := int((steps < 0).sum()):
        say(
            Level.WARNING,
            f'the stamps jump back {back} times, first by {-steps[steps < 0][0] * 1e-9:.3g} s: '
            'the nodes forget what they know there (a loop, or two drivers on one topic?)',
        )
    if twice := int((steps == 0).sum()):
        say(Level.WARNING, f'{twice} messages have the stamp of the one before')
    found += _offset(stream, stamp_ns) + _gap(stream)
    return found


def _offset(stream, stamp_ns):
    """Compare stamps with the times of recording."""
    bag_ns = np.array(stream.bag_ns[: len(stamp_ns)], np.int64)
    known = stamp_ns > 0
    if not known.any() or stream.topic.name.endswith(STATIC_TOPIC):
        return []
    offset_s = float(np.median(stamp_ns[known] - bag_ns[known])) / stamps.NS_PER_S
    if abs(offset_s) < _MAX_OFFSET_S:
        return []
    where = 'ahead of' if offset_s > 0 else 'behind'
    text = (
        f'its stamps are {_duration(abs(offset_s))} {where} the times of recording, which '
        '/clock of a replay shows: set the clocks of driver and recorder alike (NTP, use_sim_time)'
    )
    if offset_s > 0 and stream.topic.type.startswith('tf2_msgs/'):
        return [Finding(Level.ERROR, stream.topic.name, f'{text}; such transforms are ignored')]
    return [Finding(Level.WARNING, stream.topic.name, text)]


def _gap(stream):
    periods_s = np.diff(stream.bag_ns) / stamps.NS_PER_S
    if len(periods_s) < 2 * _GAP_PERIODS:
        return []  # single shots, not a stream
    longest, usual_s = int(periods_s.argmax()), float(np.median(periods_s))
    if periods_s[longest] < max(_MIN_GAP_S, _GAP_PERIODS * usual_s):
        return []
    at_s = (stream.bag_ns[longest] - stream.bag_ns[0]) / stamps.NS_PER_S
    return [
        Finding(
            Level.WARNING,
            stream.topic.name,
            f'nothing came for {periods_s[longest]:.3g} s after {at_s:.1f} s, usually every '
            f'{1e3 * usual_s:.3g} ms',
        )
    ]


def qos_findings(topic, reliable=False, latched=False):
    """Return the Findings about the QoS of a Topic whose subscriber asks for that much."""
    lacks = []
    if reliable and not topic.reliable:
        lacks.append('best effort, where the node asks for reliable')
    if latched and not topic.transient_local:
        lacks.append('volatile, where the node asks for transient local')
    if not lacks:
        return []
    return [
        Finding(
            Level.WARNING,
            topic.name,
            f'was published {" and ".join(lacks)}: live, nothing of it arrives. Change the '
            f'publisher, or set qos_overrides.{topic.name}.subscription.*',
        )
    ]


def _duration(seconds):
    for size, name in ((86400, 'days'), (3600, 'hours'), (60, 'minutes')):
        if seconds >= 2 * size:
            return f'{seconds / size:.3g} {name}'
    return f'{seconds:.3g} s'
