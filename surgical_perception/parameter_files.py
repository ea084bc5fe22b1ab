"""
Parameter files: the YAML in config/ and the table in docs/, printed from a parameter dataclass.

`python -m surgical_perception.parameter_files` writes both anew for every node, and the page of
topics from interface.yaml; a test holds the
committed files in step with the code.  ROS reads such a file for a node, `read_values` for the
command line.
"""

import importlib
import json
import textwrap
from pathlib import Path

import yaml

from surgical_perception import interface_page
from surgical_perception.errors import InputError
from surgical_perception.parameters import OF_ROS, flatten

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
    written['docs/topics.md'] = interface_page.to_markdown(interface_page.interface())
    return written


def read_values(path, node):
    """
    Return {dotted name: value} that a ROS parameter file holds for a node.

    path    YAML of `/**` or the node's name, each with `ros__parameters`
    node    name of the node; what stands under its own name beats `/**`

    Parameters that ROS itself gives to a node are left out.  Raises InputError, naming the file,
    where it is no parameter file or says nothing about the node.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: is no YAML: {" ".join(str(error).split())}') from None
    values, found = {}, False
    for name in ('/**', node, f'/{node}'):
        section = content.get(name) if isinstance(content, dict) else None
        if isinstance(section, dict) and isinstance(section.get('ros__parameters'), dict):
            found = True
            values |= _flattened(section['ros__parameters'])
    if not found:
        raise InputError(
            f'{path}: holds no parameters of {node}: expected `/**:` or `{node}:`, below it '
            '`ros__parameters:`'
        )
    return {name: value for name, value in values.items() if not name.startswith(OF_ROS)}


def write_values(path, values):
    """Write {dotted name: value} as a ROS parameter file for any node; return its path."""
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': values}}), encoding='utf-8')
    return path


def _flattened(tree, prefix=''):
    found = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= _flattened(value, f'{prefix}{name}.')
        else:
            found[f'{prefix}{name}'] = value
    return found


def main():
    """Write the generated files into the repository."""
    root = Path(__file__).resolve().parents[1]
    for path, content in files().items():
        (root / path).write_text(content, encoding='utf-8')
        print(path)  # noqa: T201 - this is a command line


if __name__ == '__main__':
    main()
