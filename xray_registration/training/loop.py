"""
The training loop that all networks share: warm-up and cosine, checkpoints, curves, progress.

One process trains on one device.  Under `torchrun` every process draws batches of its own and
torch's DistributedDataParallel averages the gradients.  What a step draws depends on the seed and
the step alone, so that a run that was interrupted goes on as if it had not been.
"""

import csv
import json
import math
import os
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from rich.console import Console
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from surgical_perception.errors import InputError
from surgical_perception.progress_bars import bars
from xray_registration.training.interruption import between_steps

CHECKPOINT, CURVE = 'checkpoint.safetensors', 'curve.csv'


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast; the rate rises over the warm-up and falls by a cosine to 1 %."""

    steps: int = 2000
    batch: int = 4
    rate: float = 1e-3
    warm_up: float = 0.05  # share of the steps
    max_norm: float = 1.0  # of the gradient, above which it is scaled down
    checkpoint_s: float = 60.0
    log_every: int = 20
    seed: int = 0


class Interrupted(Exception):
    """Training was stopped by Ctrl-C; the checkpoint holds what was reached."""


@dataclass(frozen=True)
class Worker:
    """This process among those that train together."""

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self):
        """Whether this process writes files and shows progress."""
        return self.rank == 0


@contextmanager
def worker(device=None):
    """Join the processes that torchrun started, or be the only one."""
    rank, count = (int(os.environ.get(k, d)) for k, d in (('RANK', '0'), ('WORLD_SIZE', '1')))
    if device is None:
        local = int(os.environ.get('LOCAL_RANK', '0'))
        device = f'cuda:{local}' if torch.cuda.is_available() else 'cpu'
    device = torch.device(device)
    if count > 1:
        distributed.init_process_group('nccl' if device.type == 'cuda' else 'gloo')
    try:
        yield Worker(rank, count, device)
    finally:
        if count > 1:
            distributed.destroy_process_group()


def run(module, draw, config, folder, this, about=''):
    """
    Train a module, from its checkpoint where there is one.

    module    batch -> (loss, {name: value}); on the worker's device
    draw      (count, number) -> batch with `.to(device)`; the same number, the same batch
    folder    where checkpoint and curve are kept
    this      Worker
    about     config as text: a checkpoint of another one is refused

    Returns the seconds that were spent, earlier sessions included.  Raises Interrupted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimiser = torch.optim.Adam(module.parameters(), config.rate)
    step, spent_s = _resume(module, optimiser, folder / CHECKPOINT, about, this)
    wrapped = _together(module) if this.count > 1 else module
    began = saved = time.monotonic()

    def keep():
        if this.is_first:
            seconds = spent_s + time.monotonic() - began
            _save(module, optimiser, folder / CHECKPOINT, step, seconds, about)

    with between_steps() as stopped:
        curve = _Curve(folder / CURVE, step) if this.is_first else None
        with bars(Console(stderr=True)) if this.is_first else nullcontext() as show:
            while step < config.steps and not stopped():
                for group in optimiser.param_groups:
                    group['lr'] = config.rate * _schedule(step, config)
                batch = draw(config.batch, step * this.count + this.rank).to(this.device)
                loss, values = _step(wrapped, batch, optimiser, config)
                step += 1
                if this.is_first:
                    show('training', step, config.steps, f'loss {loss:.3f}')
                    curve.add(step, {'loss': loss, **values}, step % config.log_every == 0)
                if time.monotonic() - saved > config.checkpoint_s:
                    keep()
                    saved = time.monotonic()
    keep()
    if step < config.steps:
        raise Interrupted(f'stopped at step {step} of {config.steps}')
    return spent_s + time.monotonic() - began


def _together(module):
    """Return the module with gradients averaged over the processes."""
    # A batch may use one of several heads only.
    return DistributedDataParallel(module, find_unused_parameters=True)


def _step(module, batch, optimiser, config):
    optimiser.zero_grad(set_to_none=True)
    loss, values = module(batch)
    if not torch.isfinite(loss):
        raise FloatingPointError('the loss is not a number: lower the rate')
    loss.backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), config.max_norm)
    optimiser.step()
    return loss.item(), values


def _schedule(step, config):
    warm = max(1, round(config.warm_up * config.steps))
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, config.steps - warm)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def _save(module, optimiser, path, step, spent_s, about):
    """Write weights and moments; into place at once, so that no half file is ever left."""
    tensors = {f'module.{name}': t for name, t in module.state_dict().items()}
    for index, state in optimiser.state_dict()['state'].items():
        tensors |= {f'optimiser.{index}.{name}': torch.as_tensor(t) for name, t in state.items()}
    fresh = path.with_suffix('.new')
    tensors = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
    save_file(tensors, fresh, {'step': str(step), 'spent_s': repr(spent_s), 'about': about})
    fresh.replace(path)


def _resume(module, optimiser, path, about, this):
    """Load a checkpoint where there is one; return (step, seconds spent)."""
    if not path.exists():
        return 0, 0.0
    try:
        tensors, header = load_file(path), _header(path)
        if header['about'] != about:
            raise InputError(f'{path}: of other settings; give another folder, or delete it')
        weights = {n[7:]: t for n, t in tensors.items() if n.startswith('module.')}
        module.load_state_dict(weights)
        states = {}
        for name, tensor in tensors.items():
            if name.startswith('optimiser.'):
                _, index, key = name.split('.')
                states.setdefault(int(index), {})[key] = tensor
        groups = optimiser.state_dict()['param_groups']
        optimiser.load_state_dict({'state': states, 'param_groups': groups})
        return int(header['step']), float(header['spent_s'])
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f'{path}: no checkpoint of this network: {reason}; delete it') from None


def _header(path):
    with open(path, 'rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        return json.loads(file.read(length))['__metadata__']


class _Curve:
    """Means of what was reported, in a CSV that a resumed run continues."""

    def __init__(self, path, step):
        self._path, self._sums = path, {}
        rows = []
        if step and path.exists():
            with path.open(newline='') as file:
                rows = [row for row in csv.DictReader(file) if int(row['step']) <= step]
        with path.open('w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(['step', 'name', 'value'])
            writer.writerows([row['step'], row['name'], row['value']] for row in rows)

    def add(self, step, values, write):
        for name, value in values.items():
            self._sums.setdefault(name, []).append(value)
        if write:
            with self._path.open('a', newline='') as file:
                for name, seen in self._sums.items():
                    csv.writer(file).writerow([step, name, f'{sum(seen) / len(seen):.6g}'])
            self._sums = {}
