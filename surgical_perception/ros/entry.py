"""Start a node whose imports take seconds; this module itself imports nothing that does."""

import os
import signal
import sys
import time
from importlib import import_module

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# The code in which Stopped may be raised: from there up to `start`, it is Python all the way.
_OURS = ('surgical_perception', 'xray_registration', 'surg_invnerf', 'rclpy')
_AGAIN_S = 0.01  # how soon the main thread is looked at again
_PATIENCE_S = 3.0  # ros2 launch waits for 5 s
_came_s = []  # the times of the signals so far, on the steady clock


class Stopped(BaseException):
    """
    Ctrl-C or SIGTERM came.

    Not KeyboardInterrupt: where that passes through an `exec`, as it does in the import of every
    dataclass, CPython ends the process by SIGINT whoever has caught it since.
    """


def start(module, main='main'):
    """
    Import `module` and call its `main`; return the exit code.

    From here to the end, Ctrl-C and SIGTERM raise Stopped in the main thread, so that the loading
    of a CT is not waited for; it ends with 0 and without a traceback. A library that the main
    thread is in is left alone until it returns: torch ends the process by SIGABRT where an
    exception meets its loading, VTK by SIGSEGV, and a callback of numba swallows it with a
    traceback. One that does not return for 3 s, as a compiler may not, is left where it is.
    """
    _came_s.clear()
    numbers = (*_SIGNALS, signal.SIGALRM)
    before = {number: signal.signal(number, _stop) for number in numbers}
    try:
        run = getattr(import_module(module), main)
        if not stopping():
            run()
    except (Stopped, KeyboardInterrupt):
        pass
    except Exception:  # rclpy's own handler ends the context, on which much may fail
        if not stopping():
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def stopping():
    """
    Tell whether Ctrl-C or SIGTERM came.

    What is being stopped may fail in its own way: whoever catches an exception asks here first.
    """
    return bool(_came_s)


def leave(code):
    """
    End the process here, with an exit code, once everything that has to be closed is closed.

    A signal meets libraries half loaded, and their destructors, which the interpreter would run at
    its end, may crash on that: one Ctrl-C in sixty ended by SIGSEGV.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _stop(number, frame):
    if number in _SIGNALS:
        _came_s.append(time.monotonic())
    if frame and _passes_on(frame):
        signal.setitimer(signal.ITIMER_REAL, 0)  # what is closed now must not be disturbed again
        raise Stopped
    if time.monotonic() - _came_s[0] > _PATIENCE_S:
        leave(0)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)


def _passes_on(frame):
    """Tell whether what a frame raises reaches `start`; a destructor would swallow it."""
    if frame.f_globals.get('__name__', '').partition('.')[0] not in _OURS:
        return False
    while frame:
        if frame.f_code.co_name == '__del__':
            return False
        frame = frame.f_back
    return True
