"""What a check found: sentences that say what is so, what is wrong, and what to do about it."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is."""

    OK = 'ok'
    WARNING = 'warning'  # works, but not as well as it could
    ERROR = 'error'  # keeps a node from its work


@dataclass(frozen=True)
class Finding:
    """One sentence about one thing, such as a topic; `about` may be empty."""

    level: Level
    about: str
    text: str


STYLES = {Level.OK: 'green', Level.WARNING: 'yellow', Level.ERROR: 'red'}


def show_findings(console, findings):
    """Print Findings, the worst first."""
    order = [Level.ERROR, Level.WARNING, Level.OK]
    for finding in sorted(findings, key=lambda f: order.index(f.level)):
        word = f'[{STYLES[finding.level]}]{finding.level.value:7}[/] '
        say(console, word, ': '.join(filter(None, (finding.about, finding.text))))


def say(console, markup, text):
    """Print markup and then plain text, as one line that nobody wraps."""
    console.print(markup, end='', soft_wrap=True, highlight=False)
    console.print(text, soft_wrap=True, highlight=False, markup=False)
