"""Start a node whose imports take seconds; this module itself imports nothing that does."""

import signal
from importlib import import_module


def start(module, main='main'):
    """
    Import `module` and call its `main`; return the exit code.

    Ctrl-C or SIGTERM while it imports ends with 0 and without a traceback, as it does later.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        run = getattr(import_module(module), main)
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
    run()
    return 0


def _interrupt(_number, _frame):
    raise KeyboardInterrupt
