"""The command line of a node process, and the parameter files that it names."""

from pathlib import Path

import yaml

from .description import Node, Parameter
from .packages import find_executable


def command_line(node: Node, parameter_folder: Path) -> list[str]:
    """
    Return the command that starts `node`.

    Inline parameters go into YAML files in `parameter_folder`, as launch_ros does it: on a command
    line their types would depend on quoting, and a file names the node as exactly as launch's.
    """
    command = [str(find_executable(node.package, node.executable, node.environment))]
    command += node.arguments
    if node.ros_arguments:
        command += ['--ros-args', *node.ros_arguments]
    command.append('--ros-args')
    if node.name is not None:
        command += ['-r', f'__node:={node.name}']
    if node.namespace is not None:
        command += ['-r', f'__ns:={node.namespace}']
    for number, parameter in enumerate(node.parameters):
        path = parameter
        if isinstance(parameter, Parameter):
            path = parameter_folder / f'{node.executable}_{number}.yaml'
            path.write_text(_parameter_file(node, parameter))
        command += ['--params-file', str(path)]
    for source, target in node.remappings:
        command += ['-r', f'{source}:={target}']
    return command


def _parameter_file(node: Node, parameter: Parameter) -> str:
    # Under a full node name it wins over wildcards in files that come later; launch_ros keys it so
    # exactly where both parts of the name are given.
    key = '/**'
    if node.name is not None and node.namespace is not None:
        key = f'{node.namespace.rstrip("/")}/{node.name}'
    return yaml.safe_dump({key: {'ros__parameters': {parameter.name: parameter.value}}})
