"""
What is printed from a parameter dataclass: the YAML in config/ and the table in docs/.

`python -m surgical_perception.parameter_files` writes both anew for every node; a test holds
the committed files in step with the code.
"""

import importlib
import json
import textwrap
from pathlib import Path

from surgical_perception.parameters import flatten

# Node -> where its parameter dataclass lives; imported by name, as this package imports no node.
NODES = {
    'xray_registration': ('xray_registration.parameters', 'XrayRegistrationParameters'),
    'surg_invnerf': ('surg_invnerf.parameters', 'SurgInvnerfParameters'),
}


def to_yaml(cls, node_name):
    """
    Return a ROS parameter file with every default, and text, unit and range as comments.

    The key is `/**`: under a node's name a file would beat the command line.
    """
    lines = [f'# Parameters of {node_name}, with their defaults.', '/**:', '  ros__parameters:']
    section = None
    for name, parameter in flatten(cls).items():
        group, _, key = name.rpartition('.')
        indent = ' ' * (6 if group else 4)
        if group and group != section:
            lines.append(f'    {group}:')
        section = group
        comment = f'{parameter.text} ({parameter.expected})'
        if parameter.live:
            comment += ' [live]'
        width = 99 - len(indent) - 2
        lines += [f'{indent}# {line}' for line in textwrap.wrap(comment, width)]
        # An empty list has no type in a ROS parameter file and would be refused.
        off = '# ' if parameter.default == () else ''
        lines.append(f'{indent}{off}{key}: {_yaml_value(parameter.default)}')
    return '\n'.join(lines) + '\n'


def _yaml_value(value):
    """Return a value as YAML 1.1 that nobody misreads: quoted texts, floats with a point."""
    if isinstance(value, tuple):
        return '[' + ', '.join(_yaml_value(item) for item in value) + ']'
    return json.dumps(value)


def to_markdown(cls, node_name):
    """Return a section with a table of every parameter."""
    lines = [
        f'## {node_name}',
        '',
        '| name | default | values | meaning |',
        '|---|---|---|---|',
    ]
    for name, parameter in flatten(cls).items():
        live = ' *(live)*' if parameter.live else ''
        default = _yaml_value(parameter.default)
        row = (f'`{name}`', f'`{default}`', parameter.expected, parameter.text + live)
        lines.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in row) + ' |')
    return '\n'.join(lines) + '\n'


def files():
    """Return {path relative to the repository: content} of every generated file."""
    sections, written = [], {}
    for node, (module, name) in NODES.items():
        cls = getattr(importlib.import_module(module), name)
        written[f'config/{node}.yaml'] = to_yaml(cls, f'{node}_node')
        sections.append(to_markdown(cls, f'{node}_node'))
    head = (
        '# Parameters\n\n'
        'Written by `python -m surgical_perception.parameter_files`. *(live)* ones may be set '
        'while the node runs;\nthe others are read at configure: set them while the node is '
        'unconfigured.\n\n'
    )
    written['docs/parameters.md'] = head + '\n'.join(sections)
    return written


def main():
    """Write the generated files into the repository."""
    root = Path(__file__).resolve().parents[1]
    for path, content in files().items():
        (root / path).write_text(content, encoding='utf-8')
        print(path)  # noqa: T201 - this is a command line


if __name__ == '__main__':
    main()
