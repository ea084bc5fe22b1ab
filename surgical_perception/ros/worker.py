"""One thread for the computation, with a mailbox of one."""

import threading
from collections import deque

# A job looks at its cancel flag between renderings; this bounds what stopping costs when it hangs.
_JOIN_TIMEOUT_S = 2.0


class Worker:
    """
    Runs the latest job on a thread of its own and hands its values back to the executor's thread.

    A job is a generator function `job(cancelled)`: what it yields is passed, in order, to the
    `on_value(value)` of its `submit`, and an exception that it raises to `on_error(error)`.  Both
    run in the thread that spins the node, so that node state needs no locks.  A job that waits
    is replaced by the next one (latest wins).  After `cancel` nothing of an earlier job arrives
    any more.  `dropped` counts the jobs that were replaced or cancelled before they said anything:
    every submitted job has said something, is counted there, or is still to come.
    """

    def __init__(self, node):
        self.dropped = 0
        self._condition = threading.Condition()
        self._waiting = None  # the mailbox
        self._running = None
        self._stopping = False
        self._outbox = deque()
        self._guard = node.create_guard_condition(self._deliver)
        self._thread = threading.Thread(target=self._run, name='worker', daemon=True)
        self._thread.start()

    @property
    def busy(self):
        """Whether a job runs or waits."""
        with self._condition:
            return self._running is not None or self._waiting is not None

    def submit(self, job, on_value, on_error):
        """Run `job` as soon as the current one has ended; return whether none was replaced."""
        with self._condition:
            replaced = self._waiting is not None
            self.dropped += replaced
            self._waiting = _Job(job, on_value, on_error)
            self._condition.notify()
        return not replaced

    def cancel(self):
        """Drop the waiting job, ask the running one to end, and discard what it still says."""
        with self._condition:
            said_by = (item[0] for item in self._outbox)
            for job in {self._waiting, self._running, *said_by} - {None}:
                if not job.cancelled.is_set():
                    self.dropped += not job.delivered
                    job.cancelled.set()
            self._waiting = None

    def stop(self):
        """Cancel and end the thread; return whether it ended in time."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self.cancel()
        self._thread.join(_JOIN_TIMEOUT_S)
        return not self._thread.is_alive()

    def _run(self):
        while True:
            with self._condition:
                self._running = None
                self._condition.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping:
                    return
                job, self._waiting = self._waiting, None
                self._running = job
            try:
                for value in job.generate(job.cancelled.is_set):
                    self._post(job, job.on_value, value)
            except Exception as error:  # handed to the node, which says it and stays alive
                self._post(job, job.on_error, error)

    def _post(self, job, receive, value):
        with self._condition:
            if job.cancelled.is_set():
                return
            self._outbox.append((job, receive, value))
        self._guard.trigger()

    def _deliver(self):
        while self._outbox:
            job, receive, value = self._outbox.popleft()
            if not job.cancelled.is_set():
                job.delivered = True
                receive(value)


class _Job:
    def __init__(self, generate, on_value, on_error):
        self.generate, self.on_value, self.on_error = generate, on_value, on_error
        self.cancelled = threading.Event()
        self.delivered = False  # whether anything of it has reached the node
