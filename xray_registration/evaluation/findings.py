"""What an evaluation found beside its rows and numbers."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Findings:
    """
    Everything else that the page shows.

    overlays    Section of X-rays with contours, None where none could be drawn
    trials      dicts of `capture`
    notes       sentences for the reader
    inputs      {name: (path, sha256)}
    text        what was evaluated and how, in words
    """

    overlays: object = None
    trials: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    inputs: dict = field(default_factory=dict)
    text: str = ''
