"""What all trainings share: the loop around them, and the card after it."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from torch import nn

from surgical_perception.evaluation.results import device, versions
from xray_registration.learned import weights
from xray_registration.training import loop
from xray_registration.training.loop import LoopConfig


class Part(NamedTuple):
    """
    One run of the loop, with its arguments.

    folder    within that of the weights, '' for it; parts that are trained one after another keep
              their checkpoints and curves apart
    """

    module: nn.Module
    draw: Callable
    loop: LoopConfig
    folder: str = ''


def train_network(kind, cts, network, parts, config, values, out, agnostic=False, on=None):
    """
    Train until the configured steps are done; return the Card.

    Of several processes one writes; the Card of the others has no weights_sha256.

    kind       of the weights; cts the CtImages that they are for
    network    what is kept of the modules
    parts      Parts, trained one after another
    config     with `scene`; values of what builds the network again, for the card
    out        folder for checkpoint, curve, weights and card; a run that was stopped goes on
    agnostic   whether the weights may be used with CTs that they never saw
    on         torch device, by default the GPU where there is one

    Raises InputError for a checkpoint of other settings, loop.Interrupted on Ctrl-C.
    """
    out, hashes = Path(out), tuple(ct.sha256 for ct in cts)
    with loop.worker(on) as this:
        settings = asdict(config)
        about = {**settings, 'network': values, 'ct_sha256': hashes}
        text = json.dumps(about, sort_keys=True)
        seconds = sum(
            loop.run(p.module.to(this.device), p.draw, p.loop, out / p.folder, this, text)
            for p in parts
        )
        card = weights.Card(
            kind=kind,
            ct_sha256=hashes,
            agnostic=agnostic,
            config=values,
            pose_range=asdict(config.scene.pose_range),
            training={'settings': settings, 'seconds': round(seconds), 'on': device()},
            versions=versions(),
        )
        return weights.save(out, network.state_dict(), card) if this.is_first else card
