"""
Providers by name: those of this package, and plug-ins that other packages bring.

A plug-in is an entry point `name = module:Class` of the group `surg_invnerf.correspondence`; its
class is a Provider whose keyword arguments are the options.
"""

from importlib import import_module
from importlib.metadata import entry_points
from inspect import signature

from surgical_perception.errors import InputError

GROUP = 'surg_invnerf.correspondence'

# Also in setup.cfg, for tools that list plug-ins; here, because a checkout has no entry points.
BUILT_IN = {
    'dis': 'surg_invnerf.correspondence.dis:Dis',
    'precomputed': 'surg_invnerf.correspondence.precomputed:Precomputed',
    'torchscript': 'surg_invnerf.correspondence.torchscript:TorchScript',
    'onnx': 'surg_invnerf.correspondence.onnx:Onnx',
}


def names():
    """Return the names of all providers, those of this package first."""
    plugins = {point.name for point in entry_points(group=GROUP)}
    return [*BUILT_IN, *sorted(plugins - BUILT_IN.keys())]


def make(name, **options):
    """
    Return the provider of a name, made with its options.

    Raises InputError for an unknown name, an option that it does not have and one that it needs.
    """
    kind = _provider_class(name)
    try:
        signature(kind).bind(**options)
    except TypeError as error:
        raise InputError(
            f'correspondence {name!r} cannot be made with options '
            f'{", ".join(options) or "(none)"}: {error}; its signature is {signature(kind)}'
        ) from None
    return kind(**options)


def _provider_class(name):
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(':')
        return getattr(import_module(module), attribute)
    for point in entry_points(group=GROUP, name=name):
        return point.load()
    raise InputError(f'correspondence {name!r} is unknown: use one of {", ".join(names())}')
