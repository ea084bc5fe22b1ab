"""Which node a parameter file is for."""

from surgical_perception.parameter_files import read_values
from surgical_perception.parameters import flatten


def values_of(path, nodes):
    """
    Return {node: {parameter: value}}: what a file holds for the node that it is for.

    path        parameter file, or None
    nodes       {node: parameter dataclass}

    A file under `/**` is for the node that knows most of its names; the others keep their
    defaults.  Raises InputError where it is no parameter file.
    """
    values = {node: {} for node in nodes}
    if path is None:
        return values
    found = {node: read_values(path, node) for node in nodes}
    known = {node: len(set(found[node]) & set(flatten(cls))) for node, cls in nodes.items()}
    best = max(known, key=known.get)
    return values | {best: found[best]}
