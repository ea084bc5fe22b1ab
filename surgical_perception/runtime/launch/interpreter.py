"""Interpret a launch file: visit its elements in order and collect the nodes that it starts."""

import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from surgical_perception.errors import InputError

from . import values
from .description import Argument, LaunchDescription, Node, Parameter
from .elements import attributes_of, check, read_launch_file, take_argument
from .packages import package_share
from .substitution import expand

OUTPUTS = ('screen', 'log', 'both')


def interpret(
    path: Path, arguments: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> LaunchDescription:
    """
    Return what a launch file starts, given arguments as text and an environment.

    Raises InputError, with file and element, for anything that it does not know: elements,
    attributes, substitutions, arguments that no file declares, packages and files not found.
    """
    visit = _Visit(dict(arguments), dict(environ))
    visit.file(Path(path))
    undeclared = sorted(set(arguments) - {argument.name for argument in visit.arguments})
    if undeclared:
        known = ', '.join(argument.name for argument in visit.arguments) or 'none'
        raise InputError(
            f'{path}: no such argument: {", ".join(undeclared)} (the file declares: {known})'
        )
    return LaunchDescription(tuple(visit.nodes), tuple(visit.arguments))


class _PlacedError(InputError):
    """An error whose text names file and element; elements further out leave it as it is."""


@dataclass(frozen=True)
class _Scope:
    """What a scoped group restores."""

    configurations: dict[str, str]
    environment: dict[str, str]


class _Visit:
    """The state while elements are visited: launch configurations, environment, current file."""

    def __init__(self, configurations: dict[str, str], environment: dict[str, str]):
        self.nodes: list[Node] = []
        self.arguments: list[Argument] = []
        self._scope = _Scope(configurations, environment)
        self._files: list[Path] = []

    def file(self, path: Path) -> None:
        """Visit a launch file; its variables stay visible behind an include, as in launch."""
        path = path.absolute()
        if path in self._files:
            raise InputError(f'{path} includes itself')
        root, declared = read_launch_file(path)
        self.arguments += [a for a in declared if a not in self.arguments]
        self._files.append(path)
        self._children(root)
        self._files.pop()

    def _children(self, parent: ET.Element) -> None:
        for element in parent:
            with self._named(element):
                check(element, parent.tag)
                if self._applies(element):
                    ACTIONS[element.tag](self, element)

    @contextmanager
    def _named(self, element: ET.Element):
        try:
            yield
        except _PlacedError:
            raise
        except InputError as error:
            name = element.get('name') or element.get('exec') or ''
            place = f'{self._files[-1]}: <{element.tag}{" " + name if name else ""}>'
            raise _PlacedError(f'{place}: {error}') from None

    def _applies(self, element: ET.Element) -> bool:
        if 'if' in element.attrib and 'unless' in element.attrib:
            raise InputError('if and unless exclude each other')
        if 'if' in element.attrib:
            return values.condition(self._text(element, 'if'))
        if 'unless' in element.attrib:
            return not values.condition(self._text(element, 'unless'))
        return True

    def _text(self, element: ET.Element, attribute: str) -> str:
        return expand(element.attrib[attribute], self._functions())

    def _optional(self, element: ET.Element, attribute: str) -> str | None:
        return self._text(element, attribute) if attribute in element.attrib else None

    def _functions(self) -> dict[str, Callable[..., str]]:
        return {
            'var': self._variable,
            'env': self._environment_variable,
            'find-pkg-share': self._package_share,
            'dirname': lambda: str(self._files[-1].parent),
        }

    def _variable(self, name: str, default: str | None = None) -> str:
        value = self._scope.configurations.get(name, default)
        if value is None:
            raise InputError(f'$(var {name}): no such argument or variable')
        return value

    def _environment_variable(self, name: str, default: str | None = None) -> str:
        value = self._scope.environment.get(name, default)
        if value is None:
            raise InputError(f'$(env {name}): the environment has no {name}')
        return value

    def _package_share(self, package: str) -> str:
        return str(package_share(package, self._scope.environment))

    def declare(self, element: ET.Element) -> None:
        argument = take_argument(element)
        configurations = self._scope.configurations
        if argument.name not in configurations:
            if argument.default is None:
                what = f' ({argument.description})' if argument.description else ''
                raise InputError(
                    f'argument {argument.name!r}{what} is required: {argument.name}:=...'
                )
            configurations[argument.name] = self._text(element, 'default')
        value = configurations[argument.name]
        if argument.choices and value not in argument.choices:
            raise InputError(f'{value!r} is not one of {", ".join(argument.choices)}')

    def let(self, element: ET.Element) -> None:
        name, value = self._text(element, 'name'), self._text(element, 'value')
        self._scope.configurations[name] = value

    def set_env(self, element: ET.Element) -> None:
        name, value = self._text(element, 'name'), self._text(element, 'value')
        self._scope.environment[name] = value

    def unset_env(self, element: ET.Element) -> None:
        self._scope.environment.pop(self._text(element, 'name'), None)

    def push_namespace(self, element: ET.Element) -> None:
        configurations = self._scope.configurations
        configurations['ros_namespace'] = values.absolute_namespace(
            configurations.get('ros_namespace'), self._text(element, 'namespace')
        )

    def group(self, element: ET.Element) -> None:
        outer = self._scope
        if values.boolean(element.get('scoped', 'true')):
            self._scope = replace(
                outer, configurations={**outer.configurations}, environment={**outer.environment}
            )
        self._children(element)
        self._scope = outer

    def include(self, element: ET.Element) -> None:
        given = {}
        for child in element:
            check(child, element.tag)
            given[self._text(child, 'name')] = self._text(child, 'value')
        path = Path(self._text(element, 'file'))
        self._scope.configurations.update(given)
        self.file(path)

    def node(self, element: ET.Element) -> None:
        base = self._scope.configurations.get('ros_namespace')
        name = self._optional(element, 'name')
        output = self._optional(element, 'output') or 'log'
        if output not in OUTPUTS:
            raise InputError(f'output {output!r}: use one of {", ".join(OUTPUTS)}')
        if element.get('on_exit', 'shutdown') != 'shutdown':
            raise InputError(f'on_exit {element.get("on_exit")!r}: only shutdown is known')
        node = Node(
            package=self._text(element, 'pkg'),
            executable=self._text(element, 'exec'),
            name=None if name is None else values.node_name(name),
            namespace=values.absolute_namespace(base, self._optional(element, 'namespace')),
            arguments=values.words(element.get('args', ''), self._functions()),
            ros_arguments=values.words(element.get('ros_args', ''), self._functions()),
            environment=dict(self._scope.environment),
            output=output,
            respawn=values.boolean(self._optional(element, 'respawn') or 'false'),
            respawn_delay_s=values.seconds(element.get('respawn_delay', '0')),
            ends_launch='on_exit' in element.attrib,
        )
        self.nodes.append(self._with_children(node, element))

    def _with_children(self, node: Node, element: ET.Element) -> Node:
        for child in element:
            check(child, element.tag)
            if child.tag == 'param':
                node = replace(node, parameters=(*node.parameters, self._parameter(child)))
            elif child.tag == 'remap':
                rule = (self._text(child, 'from'), self._text(child, 'to'))
                node = replace(node, remappings=(*node.remappings, rule))
            else:
                node.environment[self._text(child, 'name')] = self._text(child, 'value')
        return node

    def _parameter(self, element: ET.Element) -> Parameter | Path:
        if attributes_of(element) == {'from'}:
            path = Path(self._text(element, 'from'))
            if not path.is_file():
                raise InputError(f'parameter file {path} does not exist')
            return path
        if not {'name', 'value'} <= attributes_of(element) or 'from' in element.attrib:
            raise InputError('a <param> has either from, or name and value')
        name = self._text(element, 'name')
        try:
            return Parameter(
                name, values.parameter_value(self._text(element, 'value'), element.get('type'))
            )
        except InputError as error:
            raise InputError(f'parameter {name}: {error}') from None


ACTIONS: dict[str, Callable[[_Visit, ET.Element], None]] = {
    'arg': _Visit.declare,
    'let': _Visit.let,
    'set_env': _Visit.set_env,
    'unset_env': _Visit.unset_env,
    'push-ros-namespace': _Visit.push_namespace,
    'push_ros_namespace': _Visit.push_namespace,
    'group': _Visit.group,
    'include': _Visit.include,
    'node': _Visit.node,
}
