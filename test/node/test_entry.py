"""Ctrl-C and SIGTERM while a node still imports: exit code 0, no traceback."""

import os
import signal
import subprocess
import sys

import pytest

from surgical_perception.ros.entry import start


@pytest.fixture
def module(tmp_path, monkeypatch, request):
    """Write a module that runs `request.param` while it is imported."""
    name = f'module_{abs(hash(request.param))}'
    (tmp_path / f'{name}.py').write_text(f'{request.param}\n\ndef main():\n    print("ran")\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    'module',
    [
        'raise KeyboardInterrupt',
        'import signal; signal.raise_signal(signal.SIGTERM)',
        'import signal; signal.raise_signal(signal.SIGINT)',
        # as an extension module turns what is raised while it loads into an error of its own
        'import signal\ntry:\n  signal.raise_signal(signal.SIGINT)\n'
        'except BaseException:\n  raise ImportError from None',
        # and as a callback from C swallows it
        'import signal\ntry:\n  signal.raise_signal(signal.SIGTERM)\n'
        'except BaseException:\n  pass',
    ],
    indirect=True,
)
def test_a_signal_during_import_ends_quietly(module, capsys):
    assert start(module) == 0
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_passes_through_exec_ends_with_0(number, tmp_path):
    """CPython would end by SIGINT where a KeyboardInterrupt did; half a library may crash then."""
    (tmp_path / 'slow.py').write_text(
        'import atexit, os\n'
        'atexit.register(os.abort)\n'
        f'exec("import signal; signal.raise_signal({int(number)})")\n'
    )
    code = "from surgical_perception.ros.entry import leave, start; leave(start('slow'))"
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    ended = subprocess.run(
        [sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': paths}, capture_output=True
    )
    assert (ended.returncode, ended.stderr) == (0, b'')


@pytest.mark.parametrize(
    'module',
    [
        'import signal\nfrom surgical_perception.ros.entry import undisturbed\n'
        'with undisturbed():\n  signal.raise_signal(signal.SIGINT)\n  print("whole")\n'
        'print("after")',
    ],
    indirect=True,
)
def test_a_signal_waits_for_what_must_not_be_disturbed(module, capsys):
    assert start(module) == 0
    assert capsys.readouterr().out == 'whole\n'


@pytest.mark.parametrize('module', ['pass'], indirect=True)
def test_main_runs_and_the_signals_are_as_they_were(module, capsys):
    before = signal.getsignal(signal.SIGTERM)
    assert start(module) == 0
    assert capsys.readouterr().out == 'ran\n'
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize('module', ['raise ImportError("no rclpy")'], indirect=True)
def test_what_is_no_signal_is_not_hidden(module):
    with pytest.raises(ImportError, match='no rclpy'):
        start(module)
