"""What a check found: one sentence that says what is wrong and what to do."""

from dataclasses import dataclass, field
from enum import Enum


class Level(Enum):
    """How bad it is."""

    OK = 'ok'
    WARNING = 'warning'  # works, but not as well as it could
    ERROR = 'error'  # keeps a node from its work


@dataclass(frozen=True)
class Finding:
    """One sentence about one thing, such as a topic."""

    level: Level
    about: str
    text: str


@dataclass
class NodeCheck:
    """
    What a node would say to a recording.

    node        name of the node
    summary     one sentence
    usable      whether it would work; None where the bag is none of its kind
    findings    Findings
    arguments   {name: value} of the launch file, where it would work
    images      {frame: topic} of the images that it takes
    """

    node: str
    summary: str
    usable: bool | None = None
    findings: list = field(default_factory=list)
    arguments: dict = field(default_factory=dict)
    images: dict = field(default_factory=dict)
