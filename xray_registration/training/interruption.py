"""Ctrl-C between two steps of a training, not in the middle of one."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def between_steps():
    """
    Yield a function that says whether Ctrl-C was pressed.

    An exception that comes from anywhere would leave a step half taken, which the checkpoint must
    not hold, and is lost in callbacks of native code.  A second Ctrl-C interrupts as usual.
    """
    before, asked = signal.getsignal(signal.SIGINT), threading.Event()

    def note(number, frame):
        signal.signal(signal.SIGINT, before)
        asked.set()

    # Other threads get no signals, and a job in the background of a shell ignores this one.
    is_ours = threading.current_thread() is threading.main_thread()
    is_ours = is_ours and before is signal.default_int_handler
    if is_ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, before)
