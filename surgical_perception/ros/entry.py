"""Start a node whose imports take seconds; this module itself imports nothing that does."""

import os
import signal
import sys
from contextlib import contextmanager
from importlib import import_module

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_came = []  # the signals so far
_held = []  # one for each block that must not be disturbed


class Stopped(BaseException):
    """
    Ctrl-C or SIGTERM came.

    Not KeyboardInterrupt: where that passes through an `exec`, as it does in the import of every
    dataclass, CPython ends the process by SIGINT whoever has caught it since.
    """


def start(module, main='main'):
    """
    Import `module` and call its `main`; return the exit code.

    From here to the end, Ctrl-C and SIGTERM raise Stopped in the main thread at once, so that
    neither an import nor the loading of a CT is waited for; it ends with 0 and without a
    traceback.
    """
    _came.clear()
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        run = getattr(import_module(module), main)
        if not stopping():
            run()
    except (Stopped, KeyboardInterrupt):
        pass
    except Exception:  # an extension module may turn Stopped into an error of its own
        if not stopping():
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def stopping():
    """
    Tell whether Ctrl-C or SIGTERM came.

    An extension module that is being loaded turns Stopped into an ImportError, and what C calls
    back swallows it: whoever catches an exception asks here first.
    """
    return bool(_came)


@contextmanager
def undisturbed():
    """
    Let signals wait until this block ends.

    VTK ends the process by SIGSEGV where an exception meets the loading of its modules.
    """
    before = len(_came)
    _held.append(True)
    try:
        yield
    finally:
        _held.pop()
    if len(_came) > before and not _held:
        raise Stopped


def leave(code):
    """
    End the process here, with an exit code, once everything that has to be closed is closed.

    A signal meets libraries half loaded, and their destructors, which the interpreter would run at
    its end, may crash on that: one Ctrl-C in sixty ended by SIGSEGV.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _stop(number, _frame):
    _came.append(number)
    if not _held:
        raise Stopped
