"""Counts why messages are refused: reasons that differ in numbers only are one."""

import re

from surgical_perception.findings import Finding, Level

_NUMBER = re.compile(r'\d+(\.\d+)?')


class Refusals:
    """Reasons by kind, each with its first text."""

    def __init__(self):
        self._texts, self._counts = {}, {}

    def add(self, error):
        """Take the reason of one refusal."""
        text = ' '.join(str(error).split())
        kind = _NUMBER.sub('#', text)
        self._texts.setdefault(kind, text)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    @property
    def count(self):
        """Number of all refusals."""
        return sum(self._counts.values())

    def findings(self, about, what, level=Level.ERROR):
        """Return a Finding for each kind; `what` says what was refused, such as 'X-rays'."""
        return [
            Finding(level, about, f'{count} {what} rejected: {self._texts[kind]}')
            for kind, count in self._counts.items()
        ]
