"""
Providers and stereo matchers by name: those of this package, and plug-ins of other packages.

A plug-in is an entry point `name = module:Class`.  In the group `surg_invnerf.correspondence` its
class is a Provider whose keyword arguments are the options.  In `surg_invnerf.stereo` it takes the
StereoCamera first, and has `match(left, right) -> (disparity, sigma_px)` as Observer wants it.
"""

from importlib import import_module
from importlib.metadata import entry_points
from inspect import signature

from surgical_perception.errors import InputError

CORRESPONDENCE, STEREO = 'surg_invnerf.correspondence', 'surg_invnerf.stereo'

# Also in setup.cfg, for tools that list plug-ins; here, because a checkout has no entry points.
BUILT_IN = {
    CORRESPONDENCE: {
        'dis': 'surg_invnerf.correspondence.dis:Dis',
        'precomputed': 'surg_invnerf.correspondence.precomputed:Precomputed',
        'torchscript': 'surg_invnerf.correspondence.torchscript:TorchScript',
        'onnx': 'surg_invnerf.correspondence.onnx:Onnx',
    },
    STEREO: {
        'sgbm_dis': 'surg_invnerf.stereo.matching:SgbmDis',
        'torchscript': 'surg_invnerf.correspondence.stereo:TorchScriptStereo',
        'onnx': 'surg_invnerf.correspondence.stereo:OnnxStereo',
    },
}


def names(group=CORRESPONDENCE):
    """Return the names of a group, those of this package first."""
    plugins = {point.name for point in entry_points(group=group)}
    return [*BUILT_IN[group], *sorted(plugins - BUILT_IN[group].keys())]


def make(name, **options):
    """
    Return the provider of a name, made with its options.

    Raises InputError for an unknown name, an option that it does not have and one that it needs.
    """
    return _made(CORRESPONDENCE, name, (), options)


def make_stereo(name, camera, **options):
    """Return the stereo matcher of a name for a StereoCamera; raises as `make`."""
    return _made(STEREO, name, (camera,), options)


def _made(group, name, given, options):
    kind = _class_of(group, name)
    try:
        signature(kind).bind(*given, **options)
    except TypeError as error:
        raise InputError(
            f'{group} {name!r} cannot be made with options {", ".join(options) or "(none)"}: '
            f'{error}; it takes {signature(kind)}'
        ) from None
    return kind(*given, **options)


def _class_of(group, name):
    if name in BUILT_IN[group]:
        module, _, attribute = BUILT_IN[group][name].partition(':')
        return getattr(import_module(module), attribute)
    for point in entry_points(group=group, name=name):
        return point.load()
    raise InputError(f'{group} {name!r} is unknown: use one of {", ".join(names(group))}')
