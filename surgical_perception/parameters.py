"""
Parameters as one frozen dataclass: the single source of names, texts, units and ranges.

A node declares its ROS parameters from it, and the YAML in config/ and the table in docs/ are
printed from it.  Nested dataclasses give dotted names: field `path` of field `ct` is `ct.path`.
"""

import dataclasses
import difflib
import math
import types
import typing
from dataclasses import dataclass

from surgical_perception.errors import InputError

# How the names begin that ROS itself gives to a node.
OF_ROS = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')

_KEY = 'parameter'
_TYPE_NAMES = {
    bool: 'true or false',
    int: 'an integer',
    float: 'a number',
    str: 'text',
    tuple[int, ...]: 'a list of integers',
    tuple[float, ...]: 'a list of numbers',
    tuple[str, ...]: 'a list of texts',
}


@dataclass(frozen=True)
class Parameter:
    """One parameter: what a person may set, and what is accepted."""

    name: str
    type: type
    default: object
    text: str
    unit: str = ''
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False

    @property
    def expected(self):
        """Say in words which values are accepted."""
        unit = f' {self.unit}' if self.unit else ''
        if self.choices:
            return 'one of ' + ', '.join(self.choices)
        if self.low is not None and self.high is not None:
            return f'{self.low:g} to {self.high:g}{unit}'
        if self.low is not None:
            return f'at least {self.low:g}{unit}'
        if self.high is not None:
            return f'at most {self.high:g}{unit}'
        return _TYPE_NAMES[self.type] + (f' in{unit}' if unit else '')

    def cast(self, value):
        """
        Return `value` in the parameter's type.

        An integer serves for a number (a user writes 1 for 1.0); nothing else is converted.
        Raises InputError with name, value, range and unit.
        """
        converted = _converted(self.type, value)
        if converted is None or not self._accepts(converted):
            raise InputError(f'{self.name} is {value!r}, expected {self.expected}')
        return converted

    def _accepts(self, value):
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, float) and not math.isfinite(item):
                return False
            if self.choices and item not in self.choices:
                return False
            if self.low is not None and item < self.low:
                return False
            if self.high is not None and item > self.high:
                return False
        return True


def _converted(kind, value):
    """Return `value` as `kind`, or None where its type does not fit."""
    if typing.get_origin(kind) is tuple:
        # An empty list in a ROS parameter file arrives without a type, as None.
        if value is None:
            return ()
        if isinstance(value, str | bytes) or not hasattr(value, '__iter__'):
            return None
        items = [_converted(typing.get_args(kind)[0], item) for item in value]
        return None if None in items else tuple(items)
    if kind is float and type(value) is int:
        return float(value)
    return value if type(value) is kind else None


def param(default, text, unit='', low=None, high=None, choices=(), live=False):
    """
    Return a dataclass field that is a parameter.

    `text` is one sentence for the user; `unit`, `low`, `high` and `choices` bound the value (of
    each element, for a list); `live` parameters may be set while the node runs, others are read
    at configure.
    """
    settings = {
        'text': text,
        'unit': unit,
        'low': low,
        'high': high,
        'choices': tuple(choices),
        'live': live,
    }
    return dataclasses.field(default=default, metadata={_KEY: settings})


def flatten(cls, prefix=''):
    """Return {dotted name: Parameter} of a parameter dataclass, in the order of its fields."""
    found = {}
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        name, kind = prefix + field.name, hints[field.name]
        if dataclasses.is_dataclass(kind):
            found.update(flatten(kind, name + '.'))
        else:
            found[name] = Parameter(name, kind, field.default, **field.metadata[_KEY])
    return found


def flat_values(instance, prefix=''):
    """Return {dotted name: value} of a parameter object."""
    found = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if dataclasses.is_dataclass(value):
            found.update(flat_values(value, prefix + field.name + '.'))
        else:
            found[prefix + field.name] = value
    return found


def build(cls, values=types.MappingProxyType({})):
    """
    Return an instance of `cls` from {dotted name: value}; absent ones keep their default.

    Raises InputError that lists every violation: name, value, range and unit, and for an unknown
    name the one that was probably meant.  Where `cls` has a method `conflicts()`, the texts that
    it returns (values that are good alone but not together) are reported in the same way.
    """
    parameters = flatten(cls)
    violations, good = [], {}
    for name, value in values.items():
        if name not in parameters:
            violations.append(unknown_name(name, parameters))
            continue
        try:
            good[name] = parameters[name].cast(value)
        except InputError as error:
            violations.append(str(error))
    instance = _assemble(cls, good)
    if hasattr(instance, 'conflicts'):
        violations += instance.conflicts()
    if violations:
        raise InputError('; '.join(violations))
    return instance


def unknown_name(name, names):
    """Say that a parameter does not exist, and which one was probably meant."""
    close = difflib.get_close_matches(name, list(names), n=1)
    hint = f'did you mean {close[0]}?' if close else 'docs/parameters.md lists all names'
    return f'{name} is not a parameter: {hint}'


def _assemble(cls, values, prefix=''):
    hints = typing.get_type_hints(cls)
    arguments = {}
    for field in dataclasses.fields(cls):
        name, kind = prefix + field.name, hints[field.name]
        if dataclasses.is_dataclass(kind):
            arguments[field.name] = _assemble(kind, values, name + '.')
        elif name in values:
            arguments[field.name] = values[name]
    return cls(**arguments)
