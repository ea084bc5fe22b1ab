"""The launch runner with real, tiny processes: output, exit codes, signals, respawn."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from launch_files import PACKAGE, make_package, write_launch

from surgical_perception.runtime.launch.output import Output
from surgical_perception.runtime.launch_runner import main

NODE = f'<node pkg="{PACKAGE}" '
# Says when it is ready, and ends on SIGINT as a good node does.
PATIENT = "trap 'echo interrupted; exit 0' INT; echo ready; while :; do sleep 0.02; done"


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    return tmp_path


class Run:
    """The launch runner as a process of its own, read line by line."""

    def __init__(self, path: Path):
        command = [sys.executable, '-m', 'surgical_perception.runtime.launch_runner', str(path)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []

    def until(self, text: str) -> None:
        """Read until a line ends with `text`; fail when the output ends before."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip('\n'))
            if self.lines[-1].endswith(text):
                return
        pytest.fail(f'no line ends with {text!r}: {self.lines}')

    def end(self) -> int:
        """Read to the end; return the exit code."""
        self.lines += self.process.stdout.read().splitlines()
        return self.process.wait()


@pytest.fixture
def start(prefix):
    runs = []

    def of(body: str, **executables: str) -> Run:
        make_package(prefix, **executables)
        runs.append(Run(write_launch(prefix / 'a.launch.xml', body)))
        return runs[-1]

    yield of
    for run in runs:
        run.process.kill()
        run.process.wait()
        run.process.stdout.close()


def test_lines_of_both_streams_bear_the_name_of_their_node(start):
    run = start(
        f'{NODE}exec="two" output="screen"/>{NODE}exec="two" output="screen"/>',
        two='echo out; echo err >&2; printf end',
    )
    assert run.end() == 0
    for name in ('two-1', 'two-2'):
        assert {f'[{name}] out', f'[{name}] err', f'[{name}] end'} <= set(run.lines)


def test_a_node_gets_its_arguments_parameters_and_names(start, prefix):
    run = start(
        f'<push-ros-namespace namespace="robot"/>{NODE}exec="show" name="n" output="screen" '
        'args="--a b"><param name="x" value="1.0"/><param name="s" value="1" type="str"/>'
        '<remap from="in" to="/out"/></node>',
        show='echo "$@"; cat "$9" "${11}"',
    )
    assert run.end() == 0
    command = next(line for line in run.lines if '--ros-args' in line)
    assert command.startswith(
        '[show-1] --a b --ros-args -r __node:=n -r __ns:=/robot --params-file '
    )
    assert command.endswith(' -r in:=/out')
    written = '\n'.join(line.removeprefix('[show-1] ') for line in run.lines[2:-1])
    documents = [yaml.safe_load(part) for part in written.split('/robot/n:')[1:]]
    assert documents == [
        {'ros__parameters': {'x': 1.0}},
        {'ros__parameters': {'s': '1'}},
    ]


@pytest.mark.parametrize(('script', 'code'), [('exit 3', 3), ('kill -9 $$', 137)])
def test_the_exit_code_is_that_of_the_node_that_failed(start, script, code):
    run = start(f'{NODE}exec="good"/>{NODE}exec="bad"/>', good='exit 0', bad=script)
    assert run.end() == code
    assert any(f'bad-1: died with exit code {code}' in line for line in run.lines)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_all_nodes_in_order(start, number):
    run = start(f'{NODE}exec="patient" output="screen"/>' * 2, patient=PATIENT)
    run.until('ready')
    run.until('ready')
    run.process.send_signal(number)
    assert run.end() == 0
    assert sum(line.endswith('interrupted') for line in run.lines) == 2


def test_on_exit_shutdown_ends_the_others(start, prefix):
    run = start(
        f'{NODE}exec="patient" output="screen"/>{NODE}exec="short" on_exit="shutdown"/>',
        patient=PATIENT,
        short='while ! [ -e "$AMENT_PREFIX_PATH/go" ]; do sleep 0.02; done',
    )
    run.until('ready')
    (prefix / 'go').touch()
    assert run.end() == 0
    assert '[launch] short-1 has ended: ending all nodes' in run.lines


def test_a_node_respawns_until_it_is_told_to_end(start):
    run = start(
        f'{NODE}exec="dies" output="screen" respawn="true" respawn_delay="0.01"/>',
        dies='cd "$AMENT_PREFIX_PATH"; echo born | tee -a births\n'
        f'[ "$(wc -l < births)" -lt 3 ] && exit 1\n{PATIENT}',
    )
    run.until('ready')
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert run.lines.count('[dies-1] born') == 3
    assert sum('died with exit code 1' in line for line in run.lines) == 2


def test_a_node_that_cannot_start_ends_the_launch(start, prefix):
    make_package(prefix, broken='')
    (prefix / 'lib' / PACKAGE / 'broken').write_text('#!/no/such/interpreter\n')
    run = start(f'{NODE}exec="patient"/>{NODE}exec="broken"/>', patient=PATIENT)
    assert run.end() == 126
    assert any('broken-1 cannot be started' in line for line in run.lines)


def test_the_first_failure_in_time_counts_not_the_first_in_the_file(start):
    dies_of_the_shutdown = 'trap "exit 9" INT; echo ready; while :; do sleep 0.02; done'
    run = start(
        f'{NODE}exec="later" output="screen"/>{NODE}exec="cause" on_exit="shutdown"/>',
        later=dies_of_the_shutdown,
        cause='exit 5',
    )
    assert run.end() == 5


def test_nothing_starts_where_an_executable_is_missing(start):
    run = start(f'{NODE}exec="here" output="screen"/>{NODE}exec="gone"/>', here='echo started')
    assert run.end() == 2
    assert run.lines == [run.lines[0]]
    assert "no executable 'gone': it has here" in run.lines[0]


def test_output_log_keeps_standard_output_off_the_screen(start, prefix):
    run = start(f'{NODE}exec="two"/>', two='echo out; echo err >&2')
    assert run.end() == 0
    assert '[two-1] err' in run.lines and '[two-1] out' not in run.lines
    (log,) = (prefix / 'log').glob('launch-*.log')
    assert {line.split(' ', 1)[1] for line in log.read_text().splitlines()} == {
        '[two-1] out',
        '[two-1] err',
    }


def test_long_lines_and_other_encodings_pass(start):
    run = start(
        f'{NODE}exec="long" output="screen"/>',
        long='head -c 200000 /dev/zero | tr "\\0" x; echo; printf "\\377\\n"',
    )
    assert run.end() == 0
    assert '[long-1] ' + 200000 * 'x' in run.lines
    assert '[long-1] \N{REPLACEMENT CHARACTER}' in run.lines


def test_show_args(prefix, capsys):
    path = write_launch(
        prefix / 'a.launch.xml',
        '<arg name="ct" description="the CT"/><arg name="m" default="a"><choice value="a"/></arg>',
    )
    assert main([str(path), '--show-args']) == 0
    assert capsys.readouterr().out.splitlines() == [
        'ct  (required)',
        '    the CT',
        "m  (default: 'a'; one of a)",
    ]


@pytest.mark.parametrize('linked', [False, True], ids=['a folder', 'a link, as in .venv'])
def test_a_launch_file_is_found_by_package_and_name(prefix, linked, capsys):
    share = make_package(prefix)
    folder = prefix / 'checkout' if linked else share / 'launch'
    folder.mkdir()
    if linked:
        (share / 'launch').symlink_to(folder)
    write_launch(folder / 'b.launch.xml', '<arg name="x" default="1"/>')
    assert main([PACKAGE, 'b.launch.xml', '-s']) == 0
    assert main([PACKAGE, 'c.launch.xml', '-s']) == 2
    assert 'it has b.launch.xml' in capsys.readouterr().err


@pytest.mark.parametrize('words', [[], ['a', 'b', 'c'], ['a.launch.xml', ':=1'], ['x', '--odd']])
def test_a_wrong_command_line_is_refused(prefix, words, capsys):
    assert main(words) == 2
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1 or not words


def test_the_log_file_is_not_made_before_its_first_line(tmp_path):
    output = Output(tmp_path / 'log' / 'a.log')
    output.close()
    assert not (tmp_path / 'log').exists()
