"""The executable as users start it: a real CT file, the real pipeline, real DDS, a real Ctrl-C."""

import numpy as np
import pytest
import SimpleITK as sitk
from node_harness import NODE, Peer
from node_process import NodeProcess
from sensor_msgs.msg import Image
from topic_picture import picture_of_topics
from visualization_msgs.msg import Marker, MarkerArray

from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.images import image_from_message
from surgical_perception.ros import qos
from surgical_perception.ros.diagnostics import OK
from surgical_perception.ros.transforms import pose_from_transform
from surgical_perception.ros.validation import validate_pose
from xray_registration.config import RegistrationConfig
from xray_registration.pipeline import RegistrationPipeline
from xray_registration.simulation.siddon import project
from xray_registration.views import View, line_integrals
from xray_registration.volume.attenuation import AttenuationConfig
from xray_registration.volume.loader import load_ct

CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=1020, du_mm=1.6)
PATIENT_FROM_CARM = se3.exp([0.1, -0.2, 0.3, 0.4, 0.5, -0.6])


@pytest.fixture(scope='module')
def ct_path(tmp_path_factory):
    """Write a CT of a water body with bones of random place, size and density."""
    rng = np.random.default_rng(3)
    x, y, z = np.meshgrid(*[np.arange(64) - 31.5] * 3, indexing='ij')
    hu = np.where((x / 30) ** 2 + (y / 24) ** 2 + (z / 31) ** 2 < 1, 20, -1000).astype(np.int16)
    for _ in range(14):
        cx, cy, cz = rng.uniform(-15, 15, 3)
        rx, ry, rz = rng.uniform(2, 8, 3)
        inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2 < 1
        hu[inside] = rng.integers(400, 1200)
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((3.0, 3.0, 3.0))
    image.SetOrigin((-90.0, -100.0, 50.0))
    path = tmp_path_factory.mktemp('ct') / 'phantom.nrrd'
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture(scope='module')
def shot(ct_path):
    """Return (CT, counts [H, W] uint16, carm_from_ct), made without our renderer."""
    ct = load_ct(ct_path)
    carm_from_ct = se3.perturb(
        [0.004, -0.006, 0.01, 0.06, -0.05, 0.07],
        frames.carm_from_ct_at('AP', ct.isocentre_m, 0.75),
        [0, 0, 0.75],
    )
    integrals = project(ct, CAMERA, carm_from_ct, AttenuationConfig(bone_multiplier=1.1))
    counts = np.random.default_rng(4).poisson(40000 * np.exp(-integrals / 2))
    return ct, np.clip(counts, 1, 65535).astype(np.uint16), carm_from_ct


@pytest.fixture
def start(tmp_path):
    """Return a function that starts the executable with parameters and ends it after the test."""
    started = []

    def run(*parameters):
        log = tmp_path / 'node.log'
        started.append(NodeProcess('xray_registration.main', Peer, log, *parameters))
        return started[-1]

    yield run
    for process in started:
        process.close()


def connect(process):
    outgoing = (process.peer.image, process.peer.info, process.peer.start)
    process.wait(lambda: all(p.get_subscription_count() for p in outgoing))
    topics = (f'{NODE}/pose', f'{NODE}/status')
    process.wait(lambda: all(process.peer.count_publishers(topic) for topic in topics))


def test_ct_is_registered_over_dds_as_offline_and_ctrl_c_ends_the_node(start, ct_path, shot):
    ct, counts, carm_from_ct = shot
    patient_from_ct = PATIENT_FROM_CARM @ carm_from_ct
    off = [0.006, -0.005, 0.008, 0.04, -0.05, 0.03]
    begin = se3.perturb(off, patient_from_ct, se3.apply(patient_from_ct, ct.isocentre_m))
    init_pose = [float(number) for part in se3.to_quaternion(begin) for number in part]
    process = start(
        f'ct.path:={ct_path}',
        f'ct.sha256:={ct.sha256}',
        'reference_frame:=patient',
        'init:=parameter',
        f'init_pose:={init_pose}',
    )
    peer = process.peer
    overlays = peer.collect(Image, f'{NODE}/overlay', 1)
    surfaces = peer.collect(Marker, f'{NODE}/ct_surface', qos.LATCHED)
    carms = peer.collect(MarkerArray, f'{NODE}/carm', qos.LATCHED)
    connect(process)
    process.wait(lambda: peer.count_publishers(f'{NODE}/overlay'))

    stamp_ns = peer.get_clock().now().nanoseconds
    peer.broadcaster.send('patient', 'carm', stamp_ns, PATIENT_FROM_CARM)
    process.shoot_until(
        lambda: (
            peer.statuses and peer.poses and peer.transforms and overlays and surfaces and carms
        ),
        lambda: peer.shoot(stamp_ns, counts, CAMERA),
    )

    assert peer.statuses[0].level == OK, peer.statuses[0].message
    found = validate_pose(peer.poses[0].pose.pose)
    np.testing.assert_allclose(pose_from_transform(peer.transforms[0].transform), found, atol=1e-9)
    corners = ct.isocentre_m + 0.05 * np.array([[1, 1, 1], [-1, 1, -1], [1, -1, -1], [0, 0, 0]])
    errors = se3.apply(found, corners) - se3.apply(patient_from_ct, corners)
    assert np.linalg.norm(errors, axis=1).mean() < 1e-3

    view = View(line_integrals(counts, 'raw'), CAMERA, se3.inverse(PATIENT_FROM_CARM))
    offline = RegistrationPipeline(ct, RegistrationConfig(init='start')).register([view], begin)
    np.testing.assert_allclose(found, offline.reference_from_ct, atol=1e-6)
    assert image_from_message(overlays[0]).shape[2] == 3
    patient_from = {'ct': found, 'carm': PATIENT_FROM_CARM}
    picture_of_topics('xray_topics', [surfaces[0], *carms[0].markers], patient_from, overlays[0])

    assert process.interrupt() == 0, process.output()
    assert 'Traceback' not in process.output()


def test_ctrl_c_in_the_middle_of_a_computation(start, ct_path, shot):
    # Sharp boxes match nowhere, and are no image of nothing: the search tries every start.
    rng = np.random.default_rng(5)
    boxes = np.full((128, 128), 30000.0)
    for _ in range(40):
        left, top, width, height = rng.integers((0, 0, 4, 4), (110, 110, 30, 30))
        boxes[top : top + height, left : left + width] *= rng.uniform(0.4, 1)
    boxes = boxes.clip(1, 65535).astype(np.uint16)
    process = start(
        f'ct.path:={ct_path}', 'multistart.max_starts:=10000', 'compute.timeout_s:=600'
    )
    connect(process)
    process.wait(lambda: process.peer.count_publishers('/diagnostics'))
    stamp_ns = process.peer.get_clock().now().nanoseconds
    process.shoot_until(
        lambda: process.peer.report('compute')[1] == 'computing',
        lambda: process.peer.shoot(stamp_ns, boxes, CAMERA),
    )
    assert process.interrupt() == 0, process.output()
    assert 'Traceback' not in process.output()


def test_wrong_ct_is_one_readable_reason_and_the_node_lives(start, ct_path):
    process = start(f'ct.path:={ct_path}', 'ct.sha256:=' + 'ab' * 32)
    process.wait(lambda: 'not the CT of that plan' in process.peer.report('compute')[1])
    assert 'Traceback' not in process.output()
    assert process.interrupt() == 0, process.output()
