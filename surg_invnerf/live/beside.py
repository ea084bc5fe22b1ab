"""The fit as the tracker sees it: beside it, within each frame, or not there."""

from functools import partial

import numpy as np

from surg_invnerf.live.anchor import Answer
from surg_invnerf.live.build import save_to, surface_of
from surg_invnerf.live.serve import Pace, Remove, Reset, Skipped, Take
from surg_invnerf.live.worker import FitWorker
from surgical_perception.errors import InputError


class NoFit:
    """Tracking alone."""

    steps = skipped = restarts = 0
    problem = ''
    pid = None

    def exchange(self, observation, ids, uv, has_poses):
        """Offer a frame; return no Answer."""
        return []

    def remove(self, ids):
        """Forget points."""

    def pace(self, share):
        """Bound the share of the time that may be used."""

    def surface(self):
        """Return no Surface."""

    def save(self, directory, next_id, timeout_s):
        """Raise InputError: there is nothing to save."""
        raise InputError("nothing to save: the fit is off (fit.host is 'off')")

    def reset(self):
        """Begin anew."""

    def close(self):
        """End."""


class LockstepFit(NoFit):
    """
    Takes its steps within every frame: slow, and the same each time.

    An error of the fit is the caller's: evaluation must not go on without it.
    """

    def __init__(self, build, config):
        """build() returns a Mapper; config is a FitHostConfig."""
        self._build, self._config = build, config
        self._mapper = None

    def exchange(self, observation, ids, uv, has_poses):
        """Take a frame and return its Answer at once."""
        if self._mapper is None:
            self._mapper = self._build()
        self._mapper.add(observation, ids, uv, has_poses)
        if not self._mapper.ready:
            return []
        for _ in range(self._config.steps):
            self._mapper.step()
        self.steps = self._mapper.steps
        answer = self._mapper.answer()
        return [] if answer is None else [answer]

    def remove(self, ids):
        """Forget points."""
        if self._mapper:
            self._mapper.remove(ids)

    def surface(self):
        """Return the Surface at the last frame, or None before the first step."""
        return surface_of(self._mapper) if self._mapper else None

    def save(self, directory, next_id, timeout_s):
        """Write surface and session."""
        if self._mapper is None:
            raise InputError('nothing to save: no frame was tracked yet')
        return save_to(self._mapper, directory, next_id)

    def reset(self):
        """Begin anew with the next frame."""
        self._mapper, self.steps = None, 0

    def close(self):
        """Free the model."""
        self._mapper = None


class FitBeside(NoFit):
    """
    Runs in a process or thread of its own; where it dies it is started again, a few times.

    The map is lost then: points that are seen are given to the new one, others stay lost.
    """

    def __init__(self, build, config):
        """build() returns a Mapper; config is a FitHostConfig."""
        self._build, self._config = build, config
        self._begin()

    def _begin(self):
        self._worker = FitWorker(self._build, self._config)
        self._dropped, self._skipped_there = 0, 0
        self.steps = 0
        self._surface, self._surface_asked = None, 0

    @property
    def skipped(self):
        """Frames that came while it was busy and that it never saw."""
        return self._dropped + self._skipped_there

    @property
    def pid(self):
        """The id of its process, or None."""
        return self._worker.process.pid if self._worker and self._worker.process else None

    @property
    def worker(self):
        """The FitWorker, or None after too many failures."""
        return self._worker

    def exchange(self, observation, ids, uv, has_poses):
        """Offer a frame; return the Answers that have come since, for earlier frames."""
        answers = self._collect()
        if self._worker and self._worker.failure:
            self._bury()
        if self._worker:
            self._dropped += self._worker.send(Take(observation, ids, uv, has_poses))
        return answers

    def _collect(self):
        answers = []
        for message in self._worker.received() if self._worker else ():
            if isinstance(message, Answer):
                answers.append(message)
                self.steps, self.problem = message.steps, ''
            elif isinstance(message, Skipped):
                self._skipped_there = message.count
        return answers

    def _bury(self):
        reason = self._worker.failure
        self._worker.close()
        self._worker = None
        if self.restarts >= self._config.restarts:
            self.problem = (
                f'the fit died ({reason}) and is off after {self.restarts} restarts: '
                'positions are chained flow; reset to try again'
            )
            return
        self.restarts += 1
        self.problem = (
            f'the fit died ({reason}) and was started again '
            f'({self.restarts} of {self._config.restarts}): its map is lost'
        )
        self._begin()

    def remove(self, ids):
        """Forget points."""
        if self._worker:
            self._worker.send(Remove(np.asarray(ids)))

    def pace(self, share):
        """Let it compute during this share of the time."""
        if self._worker:
            self._worker.send(Pace(share))

    def surface(self):
        """Return the newest Surface that has come, and ask for the next; None before the first."""
        worker = self._worker
        if worker is None:
            return self._surface
        if self._surface_asked and (reply := worker.reply(self._surface_asked)):
            self._surface_asked = 0
            self._surface = self._surface if reply.value is None else reply.value
        if not self._surface_asked:
            self._surface_asked = worker.ask(surface_of)
        return self._surface

    def save(self, directory, next_id, timeout_s):
        """Have surface and session written; waits for it, at most timeout_s, in any thread."""
        worker = self._worker
        if worker is None:
            raise InputError(f'nothing to save: {self.problem}')
        number = worker.ask(partial(save_to, directory=directory, next_id=next_id))
        reply = worker.reply(number, timeout_s)
        if reply is None:
            why = worker.failure or 'it is busy, try again'
            raise InputError(f'the fit did not save within {timeout_s:g} s: {why}')
        if reply.error is not None:
            raise reply.error
        return reply.value

    def reset(self):
        """
        Begin anew, also after too many failures; never waits.

        Answers for frames from before may still come.
        """
        self.restarts, self.problem, self.steps = 0, '', 0
        self._surface, self._surface_asked = None, 0
        if self._worker is None:
            self._begin()
        else:
            self._worker.send(Reset())

    def close(self):
        """End the process or thread, within seconds."""
        if self._worker:
            self._worker.close()
            self._worker = None
