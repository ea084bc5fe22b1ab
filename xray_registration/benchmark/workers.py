"""Trials one after the other, in several processes, or on several machines through Ray."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import numba
import torch

from surgical_perception.errors import InputError
from xray_registration.benchmark.trial import run_trial


def threads(jobs, ray):
    """Return how many threads a trial has."""
    if ray:
        return 1
    if jobs == 1:
        return torch.get_num_threads()
    return max(1, len(os.sched_getaffinity(0)) // jobs)


def in_this_process(tasks):
    """Yield the Record of each Task."""
    for task in tasks:
        yield run_trial(task)


def in_processes(tasks, jobs):
    """
    Yield Records of Tasks as `jobs` processes finish them, which share the threads.

    Raises InputError where one of them was killed.
    """
    # Spawned, not forked: a fork of a process whose libraries run threads may hang.
    context = multiprocessing.get_context('spawn')
    pool = ProcessPoolExecutor(jobs, context, _leave_interrupts_to_the_parent)
    try:
        each = threads(jobs, ray=False)
        for future in as_completed([pool.submit(_run, task, each) for task in tasks]):
            yield future.result()
    except BrokenProcessPool:
        raise InputError(
            'a process was killed, perhaps for want of memory: the same command goes on, give '
            'fewer --jobs'
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def through_ray(tasks):
    """
    Yield Records of Tasks as the processors of a Ray cluster finish them, a thread each.

    Cases, CTs and weights have to lie at the same paths on every machine.  Raises InputError
    where Ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise InputError(
            '--ray needs Ray, which is not installed: pip install "surgical_perception[ray]"'
        ) from None
    ray.init()
    try:
        remote = ray.remote(num_cpus=1)(_run)
        pending = [remote.remote(task, 1) for task in tasks]
        while pending:
            (done, *_), pending = ray.wait(pending)
            yield ray.get(done)
    finally:
        ray.shutdown()


def _leave_interrupts_to_the_parent():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(task, count):
    torch.set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    return run_trial(task)
