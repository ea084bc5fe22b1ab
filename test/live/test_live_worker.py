"""The fit in a process or thread: it answers, dies, is noticed, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from live_fakes import (
    FakeMapper,
    MapperThatDies,
    MapperThatHangs,
    MapperThatRaises,
    SlowMapper,
    number_of_points,
)

from surg_invnerf.live.anchor import Answer
from surg_invnerf.live.beside import FitBeside
from surg_invnerf.live.config import FitHostConfig
from surg_invnerf.live.serve import Reset, Skipped, Take
from surg_invnerf.live.worker import FitWorker
from surgical_perception.errors import InputError

# A process starts in 3 s on an idle machine.
PATIENCE_S = 60.0
HOSTS = ('process', 'thread')


def config(host, **changes):
    return FitHostConfig(host=host, steps=2, idle_steps=2, **changes)


def take(index, ids=(0, 1)):
    observation = SimpleNamespace(index=index)
    return Take(observation, np.array(ids), np.full((len(ids), 2), 50.0), False)


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, f'waited {PATIENCE_S:g} s for {what}'
        time.sleep(0.01)
    return value


def is_alive(pid):
    """Whether a process exists and is no zombie."""
    try:
        return Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').split()[2] != 'Z'
    except FileNotFoundError:
        return False


@pytest.fixture(params=HOSTS)
def worker(request):
    made = FitWorker(FakeMapper, config(request.param))
    yield made
    made.close()


def test_it_answers_for_the_frames_it_takes(worker):
    worker.send(take(3))
    answer = wait_for(worker.received, 'an answer')[0]
    assert isinstance(answer, Answer)
    assert answer.frame == 3
    assert answer.ids.tolist() == [0, 1]
    assert answer.steps == 2


def test_a_task_gets_its_reply_also_in_another_thread(worker):
    worker.send(take(0, (5, 6, 7)))
    wait_for(worker.received, 'an answer')
    replies = []
    threads = [
        threading.Thread(
            target=lambda: replies.append(worker.reply(worker.ask(number_of_points), PATIENCE_S))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [reply.value for reply in replies] == [3, 3, 3]


def test_closing_ends_it_and_may_be_done_twice(worker):
    task = worker.process or worker.thread
    worker.close()
    worker.close()
    assert not task.is_alive()
    wait_for(lambda: worker.failure, 'the end to be noticed')


def test_a_reset_forgets_the_points_without_a_new_process(worker):
    worker.send(take(0, (5, 6, 7)))
    wait_for(worker.received, 'an answer')
    worker.send(Reset())
    assert worker.reply(worker.ask(number_of_points), PATIENCE_S).value == 0
    worker.send(take(1, (8,)))
    assert wait_for(worker.received, 'an answer')[-1].ids.tolist() == [8]


def test_a_slow_fit_skips_frames_and_says_so():
    worker = FitWorker(SlowMapper, config('thread'))
    try:
        messages = []
        for index in range(2000):
            worker.send(take(index))
            messages += worker.received()
            if any(isinstance(message, Skipped) for message in messages):
                break
            time.sleep(0.005)
        assert any(isinstance(message, Skipped) for message in messages)
    finally:
        worker.close()


def test_a_process_that_hangs_does_not_outlive_its_worker():
    worker = FitWorker(MapperThatHangs, config('process'))
    worker.send(take(0))
    # Taking is at once, the first step never ends: the question stays without a reply.
    wait_for(lambda: worker.reply(worker.ask(number_of_points), 0.5) is None, 'it to hang')
    pid = worker.process.pid
    worker.close()
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ('host', 'kind', 'word'),
    [
        ('process', MapperThatDies, 'exit code 7'),
        ('process', MapperThatRaises, 'out of tissue'),
        ('thread', MapperThatRaises, 'out of tissue'),
    ],
)
def test_a_dead_fit_is_named_and_started_again_a_few_times(host, kind, word):
    fit = FitBeside(kind, config(host, restarts=1))
    try:
        for restarts in (1, 1):
            dead = fit.worker

            def buried(dead=dead):
                fit.exchange(SimpleNamespace(index=0), np.zeros(0), np.zeros((0, 2)), False)
                return fit.worker is not dead

            wait_for(buried, 'the death to be noticed')
            assert fit.restarts == restarts
            assert word in fit.problem
        assert fit.worker is None
        assert 'is off' in fit.problem
        with pytest.raises(InputError, match='nothing to save'):
            fit.save('/nowhere', 0, 1.0)
        fit.reset()
        assert fit.worker is not None
        assert fit.problem == ''
    finally:
        fit.close()


PARENT = """
import sys, time
sys.path[:0] = {path!r}
from live_fakes import FakeMapper
from surg_invnerf.live.config import FitHostConfig
from surg_invnerf.live.worker import FitWorker
if __name__ == '__main__':
    worker = FitWorker(FakeMapper, FitHostConfig())
    from live_fakes import number_of_points
    assert worker.reply(worker.ask(number_of_points), 60).value == 0
    try:
        print(worker.process.pid, flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        sys.exit(3)
"""


@pytest.mark.parametrize(('number', 'code'), [(signal.SIGINT, 3), (signal.SIGKILL, -9)])
def test_no_process_is_left_when_the_parent_ends(tmp_path, number, code):
    script = tmp_path / 'parent.py'
    path = [str(Path(__file__).parent), *sys.path]
    script.write_text(PARENT.format(path=path), encoding='utf-8')
    # A group of its own, which gets the signal as a whole: so does Ctrl-C in a terminal.
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    child = int(parent.stdout.readline())
    if number == signal.SIGINT:
        os.killpg(parent.pid, number)
    else:
        parent.send_signal(number)
    assert parent.wait(PATIENCE_S) == code
    wait_for(lambda: not is_alive(child), 'the child to end')
