"""The rerun SDK, which is an extra: imported where it is used, with a hint where it is absent."""

import importlib

from surgical_perception.errors import InputError


def rerun_sdk():
    """Return the module `rerun`; raises InputError where it is not installed."""
    try:
        return importlib.import_module('rerun')
    except ImportError as error:
        raise InputError(
            f'the viewer needs rerun-sdk ({error}): install the extra `view` of this package, '
            'pip install "surgical_perception[view]"'
        ) from None
