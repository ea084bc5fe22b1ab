"""Why a transform cannot be had: one family, whichever buffer answers."""

from surgical_perception.errors import InputError


class TransformError(InputError):
    """A transform cannot be had; the subclass says whether waiting may help."""


class LookupTransformError(TransformError):
    """A frame does not exist (yet), its name is not allowed, or the tree has a loop."""


class ConnectivityError(TransformError):
    """Both frames exist, but no chain of transforms connects them (yet)."""


class ExtrapolationError(TransformError):
    """The frames are connected, but not at the requested stamp."""
