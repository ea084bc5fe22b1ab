"""The loop that fits beside the tracker, wherever it runs: it talks over one connection."""

import contextlib
import os
import signal
import time
import traceback
from dataclasses import dataclass

import numpy as np

from surg_invnerf.observations import FrameObservation
from surgical_perception.errors import InputError

_WAIT_S = 0.2  # while there is nothing to do; a message ends it at once


@dataclass(frozen=True)
class Take:
    """A frame for the fit, and points that it does not know, at their pixels in it."""

    observation: FrameObservation
    ids: np.ndarray
    uv: np.ndarray
    has_poses: bool


@dataclass(frozen=True)
class Remove:
    """Points to forget."""

    ids: np.ndarray


@dataclass(frozen=True)
class Pace:
    """The share of the time during which the fit may compute, in (0, 1]."""

    share: float


@dataclass(frozen=True)
class Ask:
    """`task(mapper)` to be called between two steps; its value comes back as a Reply."""

    number: int
    task: object


@dataclass(frozen=True)
class Reply:
    """What a task returned, or why it could not."""

    number: int
    value: object = None
    error: Exception | None = None


@dataclass(frozen=True)
class Skipped:
    """Frames in all that came while the fit was busy and that it never saw."""

    count: int


@dataclass(frozen=True)
class Failed:
    """The fit ended by an error."""

    text: str


class Reset:
    """The wish that everything is forgotten."""


class Stop:
    """The wish that the loop ends."""


def serve(connection, build, config):
    """
    Fit until a Stop comes or the other end of the connection is gone.

    build() returns a Mapper; messages are those above, answers are Answer, Reply, Skipped and
    Failed.  A frame that waits is replaced by a newer one once `config.steps` were not yet taken
    for the last: the fit falls behind in frames, never in time.
    """
    try:
        _Loop(connection, build, config).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the tracker is gone, and nobody waits for a word
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = (
            f'{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})'
        )
        with contextlib.suppress(OSError):
            connection.send(Failed(text))
    finally:
        connection.close()


def serve_process(connection, build, config):
    """`serve`, as the main function of a process."""
    # Ctrl-C reaches the whole process group; the tracker decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(config.nice)
    serve(connection, build, config)


class _Loop:
    def __init__(self, connection, build, config):
        self._connection, self._build, self._config = connection, build, config
        self._mapper = build()
        self._waiting = None  # the newest frame that was not yet taken
        self._skipped = 0
        self._pace = 1.0
        self._steps = 0  # since the last frame was taken
        self._stopping = False

    def run(self):
        while not self._stopping:
            self._read(wait=not self._busy)
            config = self._config
            done = self._steps >= config.steps or not self._mapper.ready
            if self._waiting and done:
                self._take()
            elif self._busy:
                self._step()

    @property
    def _busy(self):
        return self._waiting or (self._mapper.ready and self._steps < self._config.idle_steps)

    def _read(self, wait):
        while not self._stopping and self._connection.poll(_WAIT_S if wait else 0):
            self._handle(self._connection.recv())
            wait = False

    def _handle(self, message):
        if isinstance(message, Take):
            if self._waiting:
                self._skipped += 1
                self._connection.send(Skipped(self._skipped))
            self._waiting = message
        elif isinstance(message, Remove):
            self._mapper.remove(message.ids)
        elif isinstance(message, Pace):
            self._pace = message.share
        elif isinstance(message, Ask):
            self._connection.send(_reply(message, self._mapper))
        elif isinstance(message, Reset):
            self._mapper, self._waiting, self._steps = self._build(), None, 0
        elif isinstance(message, Stop):
            self._stopping = True

    def _take(self):
        frame, self._waiting = self._waiting, None
        self._mapper.add(frame.observation, frame.ids, frame.uv, frame.has_poses)
        self._steps = 0

    def _step(self):
        began = time.monotonic()
        self._mapper.step()
        self._steps += 1
        # An answer costs about as much as a step: one per `steps`.
        if self._steps % self._config.steps == 0:
            answer = self._mapper.answer()
            if answer is not None:
                self._connection.send(answer)
        rest_s = (time.monotonic() - began) * (1 / self._pace - 1)
        if rest_s > 0:
            self._connection.poll(rest_s)


def _reply(ask, mapper):
    try:
        return Reply(ask.number, ask.task(mapper))
    except InputError as error:
        return Reply(ask.number, error=error)
