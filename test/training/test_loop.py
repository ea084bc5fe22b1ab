import csv
import signal
from dataclasses import replace

import pytest
import torch

from surgical_perception.errors import InputError
from xray_registration.training import loop
from xray_registration.training.loop import Interrupted, LoopConfig

torch.set_num_threads(1)
CONFIG = LoopConfig(steps=60, batch=8, rate=0.05, log_every=10)


class Line(torch.nn.Module):
    """Fits y = a x + b."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.line = torch.nn.Linear(1, 1)

    def forward(self, batch):
        loss = (self.line(batch[:, :1]) - batch[:, 1:]).square().mean()
        return loss, {'error': loss.item()}


def draw(count, number):
    x = torch.rand(count, 1, generator=torch.Generator().manual_seed(number))
    return torch.cat([x, 2 * x - 1], 1)


def stopping_at(number):
    def stopped(count, at):
        if at == number:
            signal.raise_signal(signal.SIGINT)
        return draw(count, at)

    return stopped


def train(folder, config=CONFIG, source=draw, about='a line'):
    module = Line()
    with loop.worker('cpu') as this:
        loop.run(module, source, config, folder, this, about)
    return module


def test_it_learns_and_keeps_a_curve(tmp_path):
    module = train(tmp_path, replace(CONFIG, steps=300))
    assert module.line.weight.item() == pytest.approx(2, abs=0.1)
    with (tmp_path / loop.CURVE).open() as file:
        rows = list(csv.DictReader(file))
    assert {row['name'] for row in rows} == {'loss', 'error'}
    losses = [float(row['value']) for row in rows if row['name'] == 'loss']
    assert len(losses) == 30
    assert losses[-1] < 0.05 * losses[0]


def test_the_same_seed_gives_the_same_weights(tmp_path):
    a, b = (train(tmp_path / name).line.weight for name in 'ab')
    assert torch.equal(a, b)


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path):
    whole = train(tmp_path / 'whole')
    with pytest.raises(Interrupted, match='step 26 of 60'):
        train(tmp_path / 'parts', source=stopping_at(25))
    parts = train(tmp_path / 'parts')
    assert torch.equal(whole.line.weight, parts.line.weight)
    curves = [(tmp_path / name / loop.CURVE).read_text() for name in ('whole', 'parts')]
    assert curves[0].splitlines()[-1] == curves[1].splitlines()[-1]


def test_a_second_ctrl_c_interrupts_at_once(tmp_path):
    def impatient(count, at):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, source=impatient)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_finished_run_is_not_run_again(tmp_path):
    first = train(tmp_path).line.weight

    def never(count, number):
        raise AssertionError

    assert torch.equal(train(tmp_path, source=never).line.weight, first)


def test_a_checkpoint_of_other_settings_or_no_checkpoint_is_refused(tmp_path):
    train(tmp_path)
    with pytest.raises(InputError, match='other settings'):
        train(tmp_path, about='another line')
    (tmp_path / loop.CHECKPOINT).write_bytes(b'\x80\x04pickle')
    with pytest.raises(InputError, match='no checkpoint'):
        train(tmp_path)


def test_a_loss_that_is_not_a_number_ends_it(tmp_path):
    with pytest.raises(FloatingPointError, match='lower the rate'):
        train(tmp_path, source=lambda count, number: torch.full((count, 2), float('nan')))


def test_the_rate_rises_then_falls():
    rates = [loop._schedule(step, CONFIG) for step in range(60)]
    assert rates[0] == pytest.approx(1 / 3)
    assert max(rates) == rates[2] == 1
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] < 0.02
