"""docs/benchmark_registration.md: its example is a case, its presets and columns exist."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer

from surgical_perception import cli
from xray_registration.benchmark import make_cases, run
from xray_registration.benchmark.presets import PRESETS
from xray_registration.benchmark.rows import COMPARED
from xray_registration.benchmark.trial import TIMEOUT_S
from xray_registration.benchmark.truth import read_truth, write_truth
from xray_registration.methods import METHODS

DOCUMENT = (Path(__file__).resolve().parents[2] / 'docs/benchmark_registration.md').read_text()


def test_every_preset_is_described_in_page_and_help():
    cells = re.findall(r'^\| (`.*?`) \|', DOCUMENT, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r'`([\w-]+)`', cell)}
    assert set(PRESETS) <= named
    verbs = typer.main.get_command(cli.app).commands['benchmark'].commands
    (text,) = (p.help for p in verbs['make-cases'].params if p.name == 'preset')
    assert text == ', '.join(PRESETS)


def test_methods_beyond_the_registry_are_described():
    for name in set(COMPARED) - set(METHODS):
        assert f'`{name}` is `lm`' in DOCUMENT
    assert f'{TIMEOUT_S:g} s' in DOCUMENT


def test_the_example_is_a_case(tmp_path):
    (example,) = re.findall(r'```json\n(.*?)```', DOCUMENT, re.DOTALL)
    path = tmp_path / 'truth.json'
    path.write_text(example)
    truth = read_truth(path)
    assert truth.start_range.depth_mm == 40
    write_truth(path, truth)
    keys = set(json.loads(example))
    assert set(json.loads(path.read_text())) == keys
    described = set(re.findall(r'`(\w+)`', ' '.join(re.findall(r'^\| `.*?\|', DOCUMENT, re.M))))
    assert keys - {'format'} <= described


@pytest.mark.parametrize('command', re.findall(r'^    \.venv/bin/(.*)$', DOCUMENT, re.MULTILINE))
def test_its_commands_are_taken(command, monkeypatch):
    """They get past the command line with the words of the page."""
    taken = []
    monkeypatch.setattr(make_cases, 'run', lambda *a: taken.append(a))
    monkeypatch.setattr(run, 'run', lambda *a: taken.append(a) or True)
    assert cli.main(shlex.split(command)[1:]) == 0
    assert len(taken) == 1
