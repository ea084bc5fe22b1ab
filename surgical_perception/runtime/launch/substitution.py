r"""
Substitutions in attribute values: `$(var x)`, `$(env NAME default)`, `$(find-pkg-share pkg)`.

The grammar is that of ros2/launch (frontend/grammar.lark): arguments are separated by one space,
may be quoted, and may themselves hold substitutions; a backslash takes the meaning from the
character behind it.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from surgical_perception.errors import InputError

IDENTIFIER = re.compile(r'[A-Za-z][A-Za-z0-9_-]*')


@dataclass(frozen=True)
class Call:
    """`$(name argument ...)`; an argument is a sequence of texts and calls."""

    name: str
    arguments: tuple[tuple['str | Call', ...], ...]


Template = tuple[str | Call, ...]
Functions = Mapping[str, Callable[..., str]]


def expand(text: str, functions: Functions) -> str:
    """Return `text` with its substitutions performed; InputError for one not in `functions`."""
    return perform(parse(text), functions)


def parse(text: str) -> Template:
    """Parse an attribute value; raise InputError where it breaks the grammar."""
    return _Reader(text).template(stop='')


def perform(template: Template, functions: Functions) -> str:
    """Perform the substitutions of a parsed value."""
    return ''.join(_perform(part, functions) for part in template)


def _perform(part: str | Call, functions: Functions) -> str:
    if isinstance(part, str):
        return part
    if part.name not in functions:
        known = ', '.join(f'$({name})' for name in sorted(functions))
        raise InputError(f'unknown substitution $({part.name} ...): use one of {known}')
    function = functions[part.name]
    arguments = [perform(argument, functions) for argument in part.arguments]
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise InputError(f'$({part.name} ...): {error}') from None
    return function(*arguments)


class _Reader:
    """Recursive descent over one attribute value."""

    def __init__(self, text: str):
        self._text = text
        self._at = 0

    def template(self, stop: str) -> Template:
        """Read texts and calls up to a character of `stop`, or to the end where it is empty."""
        parts: list[str | Call] = []
        literal = ''
        while self._at < len(self._text) and self._text[self._at] not in stop:
            if self._text.startswith('$(', self._at):
                parts += [literal] if literal else []
                literal = ''
                parts.append(self._call())
                continue
            if self._text[self._at] == '\\' and self._at + 1 < len(self._text):
                self._at += 1
            literal += self._text[self._at]
            self._at += 1
        return (*parts, literal) if literal else tuple(parts)

    def _call(self) -> Call:
        self._at += len('$(')
        name = IDENTIFIER.match(self._text, self._at)
        if name is None:
            raise self._error('a name must follow $(')
        self._at = name.end()
        arguments = []
        while self._take(' '):
            arguments.append(self._argument())
        if not self._take(')'):
            raise self._error('a substitution must end with )')
        return Call(name.group(), tuple(arguments))

    def _argument(self) -> Template:
        for quote in '\'"':
            if self._take(quote):
                argument = self.template(stop=quote)
                if not self._take(quote):
                    raise self._error(f'a quoted argument must end with {quote}')
                return argument
        argument = self.template(stop=' ()\'"')
        if not argument:
            raise self._error('an argument is missing, or two spaces separate arguments')
        return argument

    def _take(self, expected: str) -> bool:
        found = self._text.startswith(expected, self._at)
        self._at += len(expected) if found else 0
        return found

    def _error(self, reason: str) -> InputError:
        return InputError(f'cannot read {self._text!r} at character {self._at + 1}: {reason}')
