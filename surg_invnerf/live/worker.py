"""A process or a thread for the fit, and what passes between it and the tracker."""

import multiprocessing
import threading
import weakref
from collections import deque

from surg_invnerf.live.serve import Ask, Failed, Reply, Reset, Stop, Take, serve, serve_process

# A step ends within this; after it the process is ended from outside.
_STOP_S = 3.0


class FitWorker:
    """
    Runs `serve` elsewhere; no call waits for it but `close`.

    Messages are pickled by a thread of their own and received by another, so that neither a busy
    fit nor a full pipe holds up the tracker.  Of the frames that wait only the newest is kept.
    """

    def __init__(self, build, config):
        """Start; build() returns a Mapper, and can be pickled where config.host is 'process'."""
        spawn = multiprocessing.get_context('spawn')
        ours, theirs = spawn.Pipe()
        if config.host == 'process':
            self._task = spawn.Process(
                target=serve_process, args=(theirs, build, config), name='surg_invnerf_fit'
            )
        else:
            self._task = threading.Thread(
                target=serve, args=(theirs, build, config), name='surg_invnerf_fit'
            )
        self._task.daemon = True
        self._task.start()
        if config.host == 'process':
            theirs.close()  # so that the end of the process ends the connection
        self._mail = _Mail(ours)
        self._close = weakref.finalize(self, _shut_down, self._mail, self._task)

    @property
    def thread(self):
        """The threading.Thread, or None for a process."""
        return self._task if isinstance(self._task, threading.Thread) else None

    @property
    def process(self):
        """The multiprocessing.Process, or None for a thread."""
        return None if self.thread else self._task

    def send(self, message):
        """Pass a message on; return whether it replaced a frame that was never sent."""
        return self._mail.put(message)

    def ask(self, task):
        """Have task(mapper) called between two steps; return the number of its Reply."""
        return self._mail.ask(task)

    def reply(self, number, timeout_s=0.0):
        """Return the Reply of that number, or None where none comes in time."""
        return self._mail.reply(number, timeout_s)

    def received(self):
        """Return the messages that came since the last call."""
        return self._mail.take()

    @property
    def failure(self):
        """Why the fit is gone, in words; empty while it runs."""
        if not self._mail.ended:
            return ''
        if self._mail.failure:
            return self._mail.failure
        if self.process is not None:
            self.process.join(_STOP_S)
            return f'its process ended with exit code {self.process.exitcode}'
        return 'its thread ended'

    def close(self):
        """End it, within seconds, whatever it does; may be called again."""
        self._close()


class _Mail:
    """Both directions of a connection, each with a thread."""

    def __init__(self, connection):
        self._connection = connection
        self._condition = threading.Condition()
        self._outbox, self._frame = deque(), None
        self._inbox, self._replies, self._asked = deque(), {}, 0
        self.ended, self.failure = False, ''
        self._closing = False
        self._threads = [
            threading.Thread(target=target, name='surg_invnerf_mail', daemon=True)
            for target in (self._send, self._receive)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, message):
        with self._condition:
            replaced = isinstance(message, Take) and self._frame is not None
            if isinstance(message, Take):
                self._frame = message
            else:
                if isinstance(message, Reset):
                    self._frame = None
                self._outbox.append(message)
            self._condition.notify_all()
        return replaced

    def ask(self, task):
        with self._condition:
            self._asked += 1
            self._outbox.append(Ask(self._asked, task))
            self._condition.notify_all()
            return self._asked

    def reply(self, number, timeout_s):
        with self._condition:
            self._condition.wait_for(lambda: number in self._replies or self.ended, timeout_s)
            return self._replies.pop(number, None)

    def take(self):
        with self._condition:
            messages = list(self._inbox)
            self._inbox.clear()
        return messages

    def close(self):
        with self._condition:
            self._closing = True
            self._condition.notify_all()

    def _send(self):
        while True:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._outbox or self._frame or self._closing or self.ended
                )
                if self.ended or (self._closing and not self._outbox):
                    return
                if self._outbox:
                    message = self._outbox.popleft()
                else:
                    message, self._frame = self._frame, None
            try:
                self._connection.send(message)
            except OSError:
                return  # the receiver notices the same, and says it

    def _receive(self):
        try:
            while True:
                message = self._connection.recv()
                with self._condition:
                    if isinstance(message, Failed):
                        self.failure = message.text
                    elif isinstance(message, Reply):
                        self._replies[message.number] = message
                        self._condition.notify_all()
                    else:
                        self._inbox.append(message)
        except (EOFError, OSError):
            pass
        with self._condition:
            self.ended = True
            self._condition.notify_all()

    def finish(self):
        """Free the connection, once the other end is gone."""
        for thread in self._threads:
            thread.join(_STOP_S)
        if not any(thread.is_alive() for thread in self._threads):
            self._connection.close()


def _shut_down(mail, task):
    mail.put(Stop())
    mail.close()
    task.join(_STOP_S)
    # A process that a long call keeps from listening must not outlive the tracker.
    for end in () if isinstance(task, threading.Thread) else (task.terminate, task.kill):
        if task.is_alive():
            end()
            task.join(_STOP_S)
    mail.finish()
