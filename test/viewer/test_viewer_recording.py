"""Bags as rerun recordings, read back by rerun's own tool."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rerun', reason='rerun-sdk (extra `view`) is not installed')

from drawn_bag import FRAMES, STAMP_NS, messages, pose_with_covariance, write_bag

from surgical_perception.bags import BagWriter
from surgical_perception.cli import main
from surgical_perception.errors import InputError
from surgical_perception.viewer import scene as scene_module
from surgical_perception.viewer.bag_recording import write_recording
from surgical_perception.viewer.scene import DRAWN_TYPES, Scene

RERUN = str(Path(sys.executable).with_name('rerun'))
ENTITIES = {
    '/tf/ct': 'Transform3D:parent_frame',
    '/tf/carm_optical': 'Transform3D:child_frame',
    '/cameras/carm_optical': 'Pinhole:image_from_camera',
    '/images/carm/image_rect': 'EncodedImage:blob',
    '/images/node/overlay': 'EncodedImage:blob',
    '/poses/node/pose': 'Arrows3D:vectors',
    '/poses/node/pose/ellipsoid_95': 'Ellipsoids3D:half_sizes',
    '/surfaces/node/ct_surface': 'Mesh3D:vertex_positions',
    '/points/node/tracks': 'Points3D:positions',
    '/log/node/status': 'TextLog:text',
    '/numbers/node/status/similarity': 'Scalars:scalars',
}


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    return write_bag(tmp_path_factory.mktemp('drawn') / 'bag')


def entities(path):
    """Return {entity: its columns} of a recording, as rerun's own tool prints them."""
    found = subprocess.run(
        [RERUN, 'rrd', 'print', str(path)], capture_output=True, text=True, check=True
    )
    pattern = r' - (/\S+) - data columns: \[(.*)\]'
    return dict(re.findall(pattern, found.stdout))


def test_every_type_is_in_the_recording(bag, tmp_path):
    shares = []
    path = write_recording([bag], tmp_path / 'bag.rrd', shares.append)
    drawn = entities(path)
    for entity, column in ENTITIES.items():
        assert column in drawn[entity]
    assert shares == sorted(shares)
    assert '/numbers/node/status/reason' not in drawn


def test_the_verb_writes_a_file_that_rerun_accepts(bag, tmp_path, capsys):
    path = tmp_path / 'new folder' / 'view.rrd'
    assert main(['view', str(bag), '--save', str(path)]) == 0
    assert 'rerun' in capsys.readouterr().err
    subprocess.run([RERUN, 'rrd', 'verify', str(path)], check=True, capture_output=True)


def test_a_bag_without_anything_to_draw_is_refused(tmp_path):
    with BagWriter(tmp_path / 'bag') as bag:
        bag.add_topic('/chatter', 'std_msgs/msg/String')
    with pytest.raises(InputError, match='nothing that can be drawn'):
        write_recording([tmp_path / 'bag'], tmp_path / 'bag.rrd')
    assert not (tmp_path / 'bag.rrd').exists()


def test_a_missing_bag_is_one_sentence(tmp_path, capsys):
    assert main(['view', str(tmp_path / 'none'), '--save', str(tmp_path / 'x.rrd')]) == 2
    assert str(tmp_path / 'none') in capsys.readouterr().err


class Log:
    """Stands for rerun and notes what is logged."""

    def __init__(self, monkeypatch):
        self.drawn = {}
        sdk = scene_module.rerun_sdk()
        monkeypatch.setattr(sdk, 'log', self._log)
        monkeypatch.setattr(sdk, 'set_time', lambda *_, **__: None)

    def _log(self, entity, *drawn, static=False, recording=None):
        self.drawn[entity] = (drawn, static)

    def archetype(self, entity, name):
        return next(x for x in self.drawn[entity][0] if type(x).__name__ == name)


@pytest.fixture
def log(monkeypatch):
    return Log(monkeypatch)


def fill(scene, only=None):
    for topic, message in messages().items():
        if only is None or topic in only:
            package = type(message).__module__.partition('.')[0]
            kind = getattr(message, '__msgtype__', f'{package}/msg/{type(message).__name__}')
            assert kind in DRAWN_TYPES
            scene.add(topic, kind, message, STAMP_NS)


def test_the_scene_hangs_on_the_frame_that_most_frames_hang_on(log):
    scene = Scene(None)
    assert scene.root_frame == ''
    fill(scene)
    assert scene.root_frame == FRAMES[0]
    assert scene.overlays == ['images/node/overlay']
    assert scene.images == ['images/carm/image_rect']


def test_a_surface_without_a_stamp_is_there_at_all_times(log):
    fill(Scene(None))
    assert log.drawn['surfaces/node/ct_surface'][1] is True
    assert log.drawn['poses/node/pose'][1] is False


def test_the_ellipsoid_holds_95_percent(log):
    rng = np.random.default_rng(3)
    root = rng.normal(size=(3, 3)) * [1e-3, 2e-3, 5e-3]
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = root @ root.T
    message = pose_with_covariance(covariance)
    Scene(None).add('/node/pose', message.__msgtype__, message, STAMP_NS)
    ellipsoid = log.archetype('poses/node/pose/ellipsoid_95', 'Ellipsoids3D')
    half = np.array(ellipsoid.half_sizes.as_arrow_array().to_pylist()[0])
    x, y, z, w = ellipsoid.quaternions.as_arrow_array().to_pylist()[0]
    from scipy.spatial.transform import Rotation

    axes = Rotation.from_quat([x, y, z, w]).as_matrix()
    points = rng.normal(size=(20000, 3)) @ root.T
    inside = (np.square(points @ axes / half).sum(1) <= 1).mean()
    assert inside == pytest.approx(0.95, abs=0.01)


def test_what_cannot_be_drawn_is_said_once(log):
    scene = Scene(None)
    message = messages()['/carm/camera_info']
    message.k[0] = 0.0
    for _ in range(2):
        scene.add('/carm/camera_info', message.__msgtype__, message, STAMP_NS)
    assert list(log.drawn) == ['log/carm/camera_info']


def test_grey_images_use_the_whole_range_of_the_display():
    pixels = np.linspace(30000, 31000, 2000, dtype=np.uint16).reshape(40, 50)
    shown = scene_module._for_display(pixels)
    assert (shown.min(), shown.max()) == (0, 255)
    assert not scene_module._for_display(np.full((3, 3), np.nan, np.float32)).any()
