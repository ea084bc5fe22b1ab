"""What all trainings share: the loop around them, and the card after it."""

import json
from dataclasses import asdict
from pathlib import Path

from surgical_perception.evaluation.results import device, versions
from xray_registration.learned import weights
from xray_registration.training import loop


def train_network(kind, cts, network, module, draw, config, values, out, agnostic=False, on=None):
    """
    Train until the configured steps are done; return the Card.

    Of several processes one writes; the Card of the others has no weights_sha256.

    kind       of the weights; cts the CtImages that they are for
    network    the part of the module that is kept
    module     the loss, and draw what it is of, as in loop.run
    config     with `scene` and `loop`; values of what builds the network again, for the card
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
        seconds = loop.run(module.to(this.device), draw, config.loop, out, this, text)
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
