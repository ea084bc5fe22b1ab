"""What a check found, for a terminal."""

import shlex

from surgical_perception.findings import STYLES, Finding, Level, say, show_findings
from surgical_perception.runtime.environment import in_ros_install

_RUNNER = 'python -m surgical_perception.runtime.launch_runner'
LAUNCH_FILE = 'replay.launch.xml'


def show(console, survey, checks):
    """Print topics, frames, and the NodeChecks of a BagSurvey."""
    say(console, '', f'{survey.path}: {_size(survey)}\n')
    for line in _topics(survey):
        say(console, '', line)
    if survey.tree.edges:
        say(console, '', f'\nframes (TF)\n{survey.tree.text()}')
    texts = [*survey.notes, *survey.tree.problems()]
    show_findings(console, [Finding(Level.WARNING, '', text) for text in texts])
    for check in checks.values():
        _show_node(console, survey, check)


def _show_node(console, survey, check):
    if check.usable is None:
        say(console, f'\n[bold]{check.node}[/] would get nothing: ', check.summary)
        return
    style = STYLES[Level.OK if check.usable else Level.ERROR]
    say(console, f'\n[bold {style}]{check.node}[/]: ', check.summary)
    show_findings(console, check.findings)
    if check.usable and check.arguments:
        say(console, '  try it: ', command(survey.path, check))


def command(path, check):
    """Return the command that replays the bag into the node."""
    launch = 'ros2 launch' if in_ros_install() else _RUNNER
    arguments = {'bag': path, **check.arguments}
    words = [shlex.quote(f'{name}:={value}') for name, value in arguments.items()]
    return f'{launch} surgical_perception {LAUNCH_FILE} {" ".join(words)}'


def _topics(survey):
    """Return the lines of a table of all topics."""
    rows = [('topic', 'type', 'messages', 'rate', 'frame', 'QoS')]
    for name, stream in sorted(survey.streams.items()):
        topic = stream.topic
        qos = 'reliable' if topic.reliable else 'best effort'
        rows.append(
            (
                name,
                topic.type.replace('/msg/', '/'),
                str(topic.count),
                f'{stream.rate_hz:.3g} Hz' if stream.rate_hz else '',
                ', '.join(stream.frames),
                qos + (', latched' if topic.transient_local else ''),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        '  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _size(survey):
    messages = sum(topic.count for topic in survey.topics.values())
    return f'{survey.duration_s:.1f} s, {messages} messages on {len(survey.streams)} topics'
