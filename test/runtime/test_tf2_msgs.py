"""tf2_msgs, built here from its one message, is the type that every ROS 2 knows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from surgical_perception.runtime import message_builder

pytest.importorskip('rclpy', reason='needs the ROS wheels')

# ros2/geometry2 in Jazzy; a subscriber with another hash never matches.
TYPE_HASH = 'RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087'
SOURCE = Path(message_builder.__file__).parents[1] / 'tf2_msgs'

# Serialised and read back by the middleware's own typesupport, not by Python.
ROUND_TRIP = """
import rclpy.serialization
from geometry_msgs.msg import TransformStamped
from tf2_msgs.msg import TFMessage
sent = TFMessage(transforms=[TransformStamped(child_frame_id='ct')])
sent.transforms[0].transform.translation.z = 0.25
data = rclpy.serialization.serialize_message(sent)
assert rclpy.serialization.deserialize_message(data, TFMessage) == sent
import tf2_msgs
print(tf2_msgs.__file__)
"""


def shadow(prefix: Path, folder: Path) -> Path:
    """Return a prefix in `folder` that reads from `prefix` but does not write there."""
    for part in ('share', 'lib', 'include'):
        (folder / part).mkdir()
        for path in (prefix / part).iterdir():
            if 'tf2_msgs' not in path.name and path.name != 'ament_index':
                (folder / part / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope='module')
def built(tmp_path_factory) -> Path:
    """Prefix into which tf2_msgs has been built anew."""
    from surgical_perception.runtime.message_builder.generators import MessagePackage
    from surgical_perception.runtime.message_builder.install import build

    prefix = shadow(Path(sys.prefix), tmp_path_factory.mktemp('prefix'))
    dependencies = ('geometry_msgs', 'std_msgs', 'builtin_interfaces')
    package = MessagePackage(SOURCE, dependencies, tmp_path_factory.mktemp('build'))
    build(package, prefix, prefix / 'site')
    return prefix


def hash_in(prefix: Path) -> str:
    description = json.loads((prefix / 'share/tf2_msgs/msg/TFMessage.json').read_text())
    (entry,) = (h for h in description['type_hashes'] if h['type_name'].endswith('TFMessage'))
    return entry['hash_string']


def test_type_hash_is_that_of_ros(built):
    assert hash_in(built) == TYPE_HASH


def test_type_hash_is_that_of_rosbags():
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.EMPTY)
    known = get_typestore(Stores.ROS2_JAZZY)
    text = (SOURCE / 'msg/TFMessage.msg').read_text()
    types = get_types_from_msg(text, 'tf2_msgs/msg/TFMessage')
    needed = ('geometry_msgs/msg/', 'std_msgs/msg/Header', 'builtin_interfaces/msg/Time')
    store.register({k: v for k, v in known.fielddefs.items() if k.startswith(needed)})
    store.register(types)
    assert store.hash_rihs01('tf2_msgs/msg/TFMessage') == TYPE_HASH


def test_round_trip_through_the_middleware(built):
    run = subprocess.run(
        [sys.executable, '-c', ROUND_TRIP],
        env={'PYTHONPATH': str(built / 'site')},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(built)), 'another tf2_msgs was imported'


def test_typesupports_are_found_by_name(built):
    for kind in ('fastrtps_c', 'introspection_c'):
        link = built / 'lib' / f'libtf2_msgs__rosidl_typesupport_{kind}.so'
        assert link.is_symlink() and link.resolve().is_file()


def test_index_lists_the_package(built):
    index = built / 'share/ament_index/resource_index'
    assert (index / 'packages/tf2_msgs').is_file()
    assert (index / 'rosidl_interfaces/tf2_msgs').read_text() == 'msg/TFMessage.msg'


def test_colcon_does_not_see_it():
    assert (SOURCE / 'COLCON_IGNORE').is_file()
