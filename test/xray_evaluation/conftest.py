"""A small CT, the bag of a tracked C-arm around it, and its evaluation."""

import pytest
from small_ct import write_small_ct
from xray_runs import CONFIG, PARAMETERS, Recorded, evaluate

from surgical_perception.parameters import build
from xray_registration.assembly import load_pipeline
from xray_registration.demo import bag as demo_bag
from xray_registration.demo.scene import make_scene
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.volume.loader import load_ct


@pytest.fixture(scope='session')
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp('recorded')
    ct_path = write_small_ct(folder / 'ct.nii.gz')
    ct = load_ct(ct_path)
    scene = make_scene(ct.isocentre_m, CONFIG)
    demo_bag.write_bag(folder / 'bag', ct, scene, CONFIG)
    return Recorded(ct_path, folder / 'bag', scene)


@pytest.fixture(scope='session')
def result(recorded, tmp_path_factory):
    """Evaluate the bag once for all."""
    folder = tmp_path_factory.mktemp('run') / 'first'
    return folder, evaluate(recorded.bag, folder, '--ct', recorded.ct, '--sdd-mm', '1020')


@pytest.fixture(scope='session')
def pipeline(recorded):
    """Return the RegistrationPipeline of the small CT."""
    values = PARAMETERS | {'ct.path': str(recorded.ct)}
    return load_pipeline(build(XrayRegistrationParameters, values))
