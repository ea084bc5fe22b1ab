"""What a node would say to a recording."""

from dataclasses import dataclass, field


@dataclass
class NodeCheck:
    """
    The judgement of one node.

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
