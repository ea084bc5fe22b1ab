"""Small bags of a tracked C-arm, and the verb that evaluates them."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from surgical_perception import cli
from surgical_perception.bags import BagReader, BagWriter
from surgical_perception.parameters import build
from xray_registration.demo.scene import DemoConfig
from xray_registration.evaluation.bag_topics import find_xray
from xray_registration.evaluation.offline import replay
from xray_registration.evaluation.rows import rows, spread_points
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.simulation.trajectory import OrbitConfig

CONFIG = DemoConfig(
    shots=4,
    moved_at_shot=2,
    period_s=0.6,
    lead_s=0.6,
    tail_s=0.2,
    start_error_mm=(6.0, -5.0, 6.0),
    orbit=OrbitConfig(image_size=128, orbital_deg=10),
)


PARAMETERS = {'reference_frame': 'patient'}


@dataclass(frozen=True)
class Recorded:
    """CT file, bag, and the Scene from which the bag was made."""

    ct: Path
    bag: Path
    scene: object


def copy_bag(source, target, storage='mcap', without=(), names=None):
    """Write the messages of a bag into another one, without some topics, or renamed."""
    names = names or {}
    with BagReader(source) as bag, BagWriter(target, storage) as copy:
        kept = [name for name in bag.topics if name not in without]
        for name in kept:
            copy.add_topic(names.get(name, name), bag.topics[name].type)
        for name, stamp_ns, data in bag.raw(kept):
            copy.write(names.get(name, name), stamp_ns, data)
    return target


def evaluate(bag, out, *words):
    """Run the verb and return result.json, read strictly: NaN is no JSON."""
    settings = [
        word for name, value in PARAMETERS.items() for word in ('--param', f'{name}={value}')
    ]
    words = ['evaluate', bag, '--out', out, *settings, *words]
    assert cli.main([str(word) for word in words]) == 0
    return json.loads((Path(out) / 'result.json').read_text(), parse_constant=pytest.fail)


def replayed(path, pipeline):
    """Return (Replayed, rows) of a bag, without drawing anything."""
    parameters = build(XrayRegistrationParameters, PARAMETERS)
    with BagReader(path) as bag:
        topics = find_xray(bag.topics, path)
    found = replay(path, topics, pipeline, parameters)
    points = spread_points(pipeline.surface()[0])
    return found, rows(found.outcomes, points, pipeline.ct.isocentre_m)
