"""The worker: latest wins, order, errors, and silence after cancel."""

import threading

import pytest
from ros_harness import TIMEOUT_S

from surgical_perception.ros.worker import Worker


class InlineNode:
    """Stands for the executor: what the guard condition triggers runs when the test says so."""

    def __init__(self):
        self.triggered = threading.Semaphore(0)

    def create_guard_condition(self, callback):
        self.deliver = callback
        return self

    def trigger(self):
        self.triggered.release()

    def wait(self):
        assert self.triggered.acquire(timeout=TIMEOUT_S)
        self.deliver()


@pytest.fixture
def node():
    return InlineNode()


@pytest.fixture
def worker(node):
    made = Worker(node)
    yield made
    assert made.stop()


def blocked():
    """Return (job, started, release): a job that waits, whatever `cancelled` says."""
    started, release = threading.Event(), threading.Event()

    def job(cancelled):
        started.set()
        assert release.wait(TIMEOUT_S)
        yield cancelled()

    return job, started, release


def test_values_arrive_in_order_in_the_thread_that_delivers(node, worker):
    received = []
    worker.submit(
        lambda _: iter('abc'), lambda v: received.append((v, threading.get_ident())), None
    )
    for _ in range(3):
        node.wait()
    assert received == [(letter, threading.get_ident()) for letter in 'abc']


def test_the_latest_waiting_job_wins_and_drops_are_counted(node, worker):
    job, started, release = blocked()
    received = []
    worker.submit(job, received.append, None)
    assert started.wait(TIMEOUT_S)
    replaced = [worker.submit(lambda _, i=i: iter([i]), received.append, None) for i in range(3)]
    assert replaced == [True, False, False] and worker.dropped == 2
    release.set()
    node.wait()
    node.wait()
    assert received == [False, 2]


def test_an_error_is_delivered_and_the_worker_goes_on(node, worker):
    errors, received = [], []

    def failing(_cancelled):
        yield 1
        raise ValueError('no')

    worker.submit(failing, received.append, errors.append)
    node.wait()
    node.wait()
    assert received == [1] and str(errors[0]) == 'no'
    worker.submit(lambda _: iter([2]), received.append, None)
    node.wait()
    assert received == [1, 2]


def test_nothing_arrives_after_cancel(node, worker):
    job, started, release = blocked()
    received, errors = [], []
    worker.submit(job, received.append, errors.append)
    assert started.wait(TIMEOUT_S)
    worker.submit(lambda _: iter(['waiting']), received.append, errors.append)
    worker.cancel()
    release.set()
    worker.submit(lambda _: iter(['next']), received.append, errors.append)
    node.wait()
    assert received == ['next'] and errors == []


def test_a_value_that_waits_for_delivery_is_discarded_by_cancel(node, worker):
    received = []
    worker.submit(lambda _: iter(['old']), received.append, None)
    assert node.triggered.acquire(timeout=TIMEOUT_S)
    worker.cancel()
    node.deliver()
    assert received == []
