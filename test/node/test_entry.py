"""Ctrl-C and SIGTERM while a node starts: exit code 0, no traceback."""

import os
import signal
import subprocess
import sys

import pytest

from surgical_perception.ros import entry
from surgical_perception.ros.entry import start


@pytest.fixture
def module(tmp_path, monkeypatch, request):
    """Write a module that runs `request.param` while it is imported."""
    name = f'module_{abs(hash(request.param))}'
    (tmp_path / f'{name}.py').write_text(f'{request.param}\n\ndef main():\n    print("ran")\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


# The fixture's modules are no code of this project: a signal leaves them alone.
SIGNAL = 'import signal; signal.raise_signal(signal.SIGINT)'
OURS = '__name__ = "surgical_perception.ros.node"'


@pytest.mark.parametrize(
    'module',
    ['raise KeyboardInterrupt', SIGNAL, SIGNAL.replace('INT', 'TERM'), f'{OURS}\n{SIGNAL}'],
    indirect=True,
)
def test_a_signal_during_import_ends_quietly(module, capsys):
    assert start(module) == 0
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
    ('module', 'said'),
    [
        (f'{SIGNAL}\nprint("whole")', 'whole\n'),
        (f'{OURS}\n{SIGNAL}\nprint("whole")', ''),
        # what a destructor raises would be swallowed
        (
            f'{OURS}\nclass A:\n  def __del__(self):\n    {SIGNAL}\n    print("whole")\nA()',
            'whole\n',
        ),
    ],
    indirect=['module'],
)
def test_a_library_is_not_disturbed_and_our_own_code_is(module, said, capsys):
    assert start(module) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    'module',
    [
        # the first signal is put off, the second one is not
        f'{SIGNAL}\n{OURS}\ntry:\n  {SIGNAL}\nfinally:\n  import time\n'
        '  end = time.monotonic() + 0.6\n  while time.monotonic() < end:\n    pass\n'
        '  print("closed")',
    ],
    indirect=True,
)
def test_what_is_closed_is_not_disturbed_by_a_signal_of_before(module, capsys, monkeypatch):
    monkeypatch.setattr(entry, '_AGAIN_S', 0.3)
    assert start(module) == 0
    assert capsys.readouterr().out == 'closed\n'


def run_module(source, folder):
    """Start a module in a process of its own; return the exit code and what it complains of."""
    (folder / 'slow.py').write_text(source)
    code = "from surgical_perception.ros.entry import leave, start; leave(start('slow'))"
    paths = os.pathsep.join([str(folder), *sys.path])
    ended = subprocess.run(
        [sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': paths}, capture_output=True
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_passes_through_exec_ends_with_0(number, tmp_path):
    """CPython would end by SIGINT where a KeyboardInterrupt did; half a library may crash then."""
    source = (
        'import atexit, os\n'
        'atexit.register(os.abort)\n'
        f'exec("import signal; signal.raise_signal({int(number)})")\n'
    )
    assert run_module(source, tmp_path) == (0, b'')


def test_what_c_calls_back_is_not_disturbed(tmp_path):
    """It would swallow the exception and complain, as numba's compiler did, or crash as torch."""
    source = f'import ctypes\n@ctypes.CFUNCTYPE(None)\ndef called():\n  {SIGNAL}\ncalled()\n'
    assert run_module(source, tmp_path) == (0, b'')


def test_a_library_that_does_not_return_is_left(tmp_path):
    assert run_module(f'{SIGNAL}\nwhile True:\n  pass', tmp_path) == (0, b'')


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
