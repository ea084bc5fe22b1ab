"""A small CT, and the bag of a tracked C-arm around it, with and without its truth."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from small_ct import write_small_ct

from surgical_perception import cli
from surgical_perception.bags import BagReader, BagWriter
from xray_registration.demo import bag as demo_bag
from xray_registration.demo.scene import DemoConfig, make_scene
from xray_registration.simulation.trajectory import OrbitConfig
from xray_registration.volume.loader import load_ct

CONFIG = DemoConfig(
    shots=4,
    moved_at_shot=2,
    period_s=0.6,
    lead_s=0.6,
    tail_s=0.2,
    start_error_mm=(6.0, -5.0, 6.0),
    orbit=OrbitConfig(image_size=128, orbital_deg=10),
)


@dataclass(frozen=True)
class Recorded:
    """CT file, bag, and the Scene from which the bag was made."""

    ct: Path
    bag: Path
    scene: object


@pytest.fixture(scope='session')
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp('recorded')
    ct_path = write_small_ct(folder / 'ct.nii.gz')
    ct = load_ct(ct_path)
    scene = make_scene(ct.isocentre_m, CONFIG)
    demo_bag.write_bag(folder / 'bag', ct, scene, CONFIG)
    return Recorded(ct_path, folder / 'bag', scene)


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
    words = ['evaluate', bag, '--out', out, '--param', 'reference_frame=patient', *words]
    assert cli.main([str(word) for word in words]) == 0
    return json.loads((Path(out) / 'result.json').read_text(), parse_constant=pytest.fail)


@pytest.fixture(scope='session')
def result(recorded, tmp_path_factory):
    """Evaluate the bag once for all."""
    folder = tmp_path_factory.mktemp('run') / 'first'
    return folder, evaluate(recorded.bag, folder, '--ct', recorded.ct, '--sdd-mm', '1020')
