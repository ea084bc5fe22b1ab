"""What a launch file comes to: plain data between the interpreter and the process starter."""

from dataclasses import dataclass, field
from pathlib import Path

ParameterValue = bool | int | float | str | list[bool] | list[int] | list[float] | list[str]


@dataclass(frozen=True)
class Argument:
    """An `<arg>` as it is written; `default` is None where the argument is required."""

    name: str
    default: str | None = None
    description: str = ''
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """One inline `<param name= value=>`, its value typed by YAML's rules."""

    name: str
    value: ParameterValue


@dataclass(frozen=True)
class Node:
    """
    One process: a node's executable and everything that it is started with.

    `name` and `namespace` are None where the node's own code decides.  `parameters` keeps the
    order of the file, in which later ones win; a `Path` is a parameter file.
    """

    package: str
    executable: str
    name: str | None = None
    namespace: str | None = None
    arguments: tuple[str, ...] = ()
    ros_arguments: tuple[str, ...] = ()
    parameters: tuple[Parameter | Path, ...] = ()
    remappings: tuple[tuple[str, str], ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    output: str = 'log'
    respawn: bool = False
    respawn_delay_s: float = 0.0
    ends_launch: bool = False


@dataclass(frozen=True)
class LaunchDescription:
    """The nodes that a launch file starts, in order, and the arguments that it declares."""

    nodes: tuple[Node, ...]
    arguments: tuple[Argument, ...]
