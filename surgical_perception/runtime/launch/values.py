"""How text becomes values: conditions, booleans, parameters, names and command-line words."""

import re
import shlex

import yaml

from surgical_perception.errors import InputError

from .description import ParameterValue
from .substitution import Functions, parse, perform

NODE_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')
NAMESPACE = re.compile(r'/|(/[A-Za-z_][A-Za-z0-9_]*)+')
TRUTH = {'true': True, '1': True, 'false': False, '0': False}
PARAMETER_TYPES = {'int': int, 'float': float, 'bool': bool, 'str': str}


def condition(text: str) -> bool:
    """Evaluate an `if` or `unless`: true, false, 1 or 0 in any case; nothing else is a guess."""
    word = text.strip().lower()
    if word not in TRUTH:
        raise InputError(f'{text!r} is no condition: give true, false, 1 or 0')
    return TRUTH[word]


def boolean(text: str) -> bool:
    """Read a boolean attribute by YAML's rules, and 1 and 0."""
    value = TRUTH.get(text, _yaml(text))
    if not isinstance(value, bool):
        raise InputError(f'{text!r} is no boolean: give true or false')
    return value


def seconds(text: str) -> float:
    """Read a duration that is not negative, in seconds."""
    try:
        value = float(text)
    except ValueError:
        raise InputError(f'{text!r} is no number of seconds') from None
    if not 0 <= value < float('inf'):
        raise InputError(f'{text} is no delay: give zero or more seconds')
    return value


def parameter_value(text: str, kind: str | None) -> ParameterValue:
    """Type a parameter: by `kind` where given, else by YAML's rules; empty text is a string."""
    if kind is None:
        value = _yaml(text) if text else ''
        _check_parameter(text, value)
        return value
    if kind not in PARAMETER_TYPES:
        raise InputError(f'unknown type {kind!r}: use one of {", ".join(PARAMETER_TYPES)}')
    if kind == 'bool':
        return boolean(text)
    try:
        return PARAMETER_TYPES[kind](text)
    except ValueError:
        raise InputError(f'{text!r} is no {kind}') from None


def _check_parameter(text: str, value: object) -> None:
    members = value if isinstance(value, list) else [value]
    kinds = {type(member) for member in members}
    if len(kinds) != 1 or kinds.pop() not in PARAMETER_TYPES.values():
        raise InputError(
            f'{text!r} is no parameter value: give a number, a boolean, a text or a list of one '
            'of these kinds'
        )


def _yaml(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f'{text!r} cannot be read as YAML: quote it if it is a text') from None


def node_name(text: str) -> str:
    """Check a node's name."""
    if not NODE_NAME.fullmatch(text):
        raise InputError(f'{text!r} is no node name: use letters, digits and _')
    return text


def absolute_namespace(base: str | None, namespace: str | None) -> str | None:
    """Return `namespace` below `base`, absolute; None where neither is given."""
    if namespace is None:
        return base
    if base and not namespace.startswith('/'):
        namespace = f'{base.rstrip("/")}/{namespace}'
    namespace = '/' + namespace.strip('/')
    if not NAMESPACE.fullmatch(namespace):
        raise InputError(f'{namespace!r} is no namespace: use letters, digits and _ between /')
    return namespace


def words(text: str, functions: Functions) -> tuple[str, ...]:
    """Split a command line; what a substitution yields is never split, spaces or not."""
    # Each substitution stands as one unquoted character of Unicode's private area while shlex
    # splits, so that quotes and spaces count where they are written and nowhere else.
    values: list[str] = []
    written = ''
    for part in parse(text):
        if isinstance(part, str):
            written += part
        else:
            written += chr(0xE000 + len(values))
            values.append(perform((part,), functions))
    placeholders = {0xE000 + i: value for i, value in enumerate(values)}
    return tuple(word.translate(placeholders) for word in shlex.split(written))
