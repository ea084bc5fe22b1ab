"""The page docs/topics.md, printed from interface.yaml: what every node takes and gives."""

from importlib import resources

import yaml

NODES = ('xray_registration_node', 'surg_invnerf_node')

_HEAD = """# Topics, services and frames

Written by `python -m surgical_perception.parameter_files` from `interface.yaml`, which a test
compares with the running nodes. Names are as a node creates them, before remapping; `~` is the
node's name. Metres and radians everywhere; stamps are those of the images.

"""
_DIRECTIONS = {
    'subscriptions': 'takes',
    'subscriptions_crtk': 'takes, where camera_pose_source is crtk',
    'publishers': 'gives',
}


def interface():
    """Return the content of interface.yaml."""
    text = resources.files('surgical_perception').joinpath('interface.yaml').read_text('utf-8')
    return yaml.safe_load(text)


def to_markdown(listed):
    """Return the page for the content of interface.yaml."""
    return _HEAD + '\n'.join(_node(name, listed[name]) for name in NODES)


def _node(name, listed):
    lines = [f'## {name}', '', f'Started by `{listed["launch"]}`.', '']
    for kind, direction in _DIRECTIONS.items():
        if kind in listed:
            lines += _topics(direction, listed[kind])
    lines += ['| service | type | what |', '|---|---|---|']
    lines += [
        f'| `{service}` | {entry["type"]} | {entry["text"]} |'
        for service, entry in listed['services'].items()
    ]
    frames = ', '.join(f'`{name}`' for name in listed['frames'])
    lines += ['', f'Frames are parameters: {frames}.', '']
    for topic, fields in listed.items():
        if topic.endswith('_fields'):
            lines += [f'Fields of `~/{topic.removesuffix("_fields")}`: {", ".join(fields)}.', '']
    lines += [f'Values of `~/status`: {", ".join(listed["status_values"])}.', '']
    return '\n'.join(lines)


def _topics(direction, topics):
    lines = [f'| {direction} | type | QoS | what |', '|---|---|---|---|']
    for topic, entry in topics.items():
        latched = ', transient local' if entry.get('durability') == 'transient_local' else ''
        qos = f'{entry["reliability"].replace("_", " ")}{latched}, {entry["depth"]}'
        lines.append(f'| `{topic}` | {entry["type"]} | {qos} | {entry["text"]} |')
    return [*lines, '']
