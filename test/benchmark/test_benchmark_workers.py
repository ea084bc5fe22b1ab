"""Trials in several processes, and through Ray, come back as they would one by one."""

import os
import sys
from types import SimpleNamespace

import pytest

from surgical_perception.errors import InputError
from xray_registration.benchmark import workers
from xray_registration.benchmark.records import read_records
from xray_registration.benchmark.run import run


@pytest.fixture(scope='module')
def alone(cases, tmp_path_factory):
    """The records of one process."""
    out = tmp_path_factory.mktemp('alone')
    run(['lm'], [cases / 'standard-000'], out)
    return read_records(out)


def same(found, expected):
    assert found.keys() == expected.keys()
    for key, record in found.items():
        assert record.mtre_mm == pytest.approx(expected[key].mtre_mm, abs=1e-3)
        assert record.inputs == expected[key].inputs


def test_two_processes_find_what_one_finds(cases, alone, tmp_path):
    assert run(['lm'], [cases / 'standard-000'], tmp_path, jobs=2)
    same(read_records(tmp_path), alone)


class Ray:
    """Does at once what Ray would do elsewhere; the last that was sent is done first."""

    def __init__(self):
        self.ended = 0

    init = staticmethod(lambda: None)

    def shutdown(self):
        self.ended += 1

    @staticmethod
    def remote(num_cpus):
        assert num_cpus == 1
        return lambda function: SimpleNamespace(remote=lambda *a: (function, a))

    @staticmethod
    def wait(pending):
        return pending[-1:], pending[:-1]

    @staticmethod
    def get(reference):
        function, arguments = reference
        return function(*arguments)


def test_ray_maps_the_same_trials(cases, alone, tmp_path, monkeypatch):
    ray = Ray()
    monkeypatch.setitem(sys.modules, 'ray', ray)
    assert run(['lm'], [cases / 'standard-000'], tmp_path, ray=True)
    same(read_records(tmp_path), alone)
    assert ray.ended == 1


def test_absent_ray_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(InputError, match='needs Ray'):
        next(workers.through_ray([]))


def test_threads_are_shared(monkeypatch):
    monkeypatch.setattr(workers.os, 'sched_getaffinity', lambda pid: set(range(8)))
    assert workers.threads(4, ray=False) == 2
    assert workers.threads(16, ray=False) == 1
    assert workers.threads(1, ray=True) == 1


def test_a_process_that_is_killed_is_told(cases, tmp_path):
    """Its parent would wait for ever, or end with a trace."""

    class Deadly:
        def __reduce__(self):
            return os._exit, (9,)

    with pytest.raises(InputError, match='fewer --jobs'):
        next(workers.in_processes([Deadly()], 1))
