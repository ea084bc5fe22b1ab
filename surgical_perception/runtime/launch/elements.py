"""The elements and attributes that are known, and where; anything else is refused by name."""

import inspect
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from surgical_perception.errors import InputError

from .description import Argument

CONDITIONS = frozenset({'if', 'unless'})


@dataclass(frozen=True)
class Shape:
    """Attributes that an element must and may have, and the children that it may have."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()


def _shape(required: str = '', optional: str = '', children: str = '') -> Shape:
    return Shape(*(frozenset(names.split()) for names in (required, optional, children)))


_ACTIONS = 'arg let set_env unset_env push-ros-namespace push_ros_namespace group include node'

ROOT = _shape(children=_ACTIONS)
# By parent and element: <arg> declares in a file and gives a value in an <include>.
SHAPES = {
    'arg': _shape('name', 'default description', 'choice'),
    'let': _shape('name value'),
    'set_env': _shape('name value'),
    'unset_env': _shape('name'),
    'push-ros-namespace': _shape('namespace'),
    'push_ros_namespace': _shape('namespace'),
    'group': _shape(optional='scoped', children=_ACTIONS),
    'include': _shape('file', children='arg'),
    'node': _shape(
        'pkg exec',
        'name namespace args ros_args output respawn respawn_delay on_exit',
        'param remap env',
    ),
}
NESTED_SHAPES = {
    ('arg', 'choice'): _shape('value'),
    ('include', 'arg'): _shape('name value'),
    ('node', 'param'): _shape(optional='name value type from'),
    ('node', 'remap'): _shape('from to'),
    ('node', 'env'): _shape('name value'),
}


def check(element: ET.Element, parent: str) -> None:
    """Raise InputError where the element, an attribute or a child of it is unknown."""
    allowed = (ROOT if parent == 'launch' else SHAPES[parent]).children
    if element.tag not in allowed:
        raise InputError(f'unknown element <{element.tag}> in <{parent}>')
    nested = NESTED_SHAPES.get((parent, element.tag))
    shape = nested or SHAPES[element.tag]
    known = shape.required | shape.optional | (frozenset() if nested else CONDITIONS)
    unknown = sorted(attributes_of(element) - known)
    if unknown:
        raise InputError(f'unknown attribute {unknown[0]!r} (known: {", ".join(sorted(known))})')
    missing = sorted(shape.required - attributes_of(element))
    if missing:
        raise InputError(f'attribute {missing[0]!r} is missing')
    for child in element:
        if child.tag not in shape.children:
            raise InputError(f'unknown element <{child.tag}> in <{element.tag}>')
    if (element.text or '').strip():
        raise InputError(f'unexpected text {element.text.strip()!r}')


def attributes_of(element: ET.Element) -> set[str]:
    """Return the names of an element's attributes."""
    return set(element.attrib)


def read_launch_file(path: Path) -> tuple[ET.Element, list[Argument]]:
    """Return the root of a launch file and all arguments that it declares."""
    try:
        root = ET.parse(path).getroot()
    except FileNotFoundError:
        raise InputError(f'launch file {path} does not exist') from None
    except (OSError, ET.ParseError) as error:
        raise InputError(f'launch file {path} cannot be read: {error}') from None
    if root.tag != 'launch' or root.attrib:
        raise InputError(f'{path}: the root must be a plain <launch>')
    return root, list(_declared(root))


def _declared(parent: ET.Element):
    for element in parent:
        if element.tag == 'arg' and parent.tag != 'include' and 'name' in element.attrib:
            yield take_argument(element)
        yield from _declared(element)


def take_argument(element: ET.Element) -> Argument:
    """Read an `<arg>` as it is written, its substitutions not yet performed."""
    return Argument(
        name=element.attrib['name'],
        default=element.get('default'),
        description=inspect.cleandoc(element.get('description', '')),
        choices=tuple(choice.get('value', '') for choice in element.iter('choice')),
    )
