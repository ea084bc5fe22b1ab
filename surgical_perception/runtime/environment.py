"""The environment variables with which node processes are started."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from surgical_perception.errors import InputError

FAST_DDS_PROFILE = Path(__file__).with_name('fastdds_shm.xml')

# Fast DDS renamed its variable; Humble and Jazzy read the old name, Kilted on the new one.
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def in_ros_install(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a ROS install is sourced, as against the ROS wheels of this venv alone."""
    prefixes = filter(None, environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep))
    return any(Path(prefix) != Path(sys.prefix) for prefix in prefixes)


def dds_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """
    Return the DDS variables to add to a node's environment: shared memory that holds images.

    A variable that the user has set is left out, so that it wins.
    """
    added = dict.fromkeys(PROFILE_VARIABLES, str(FAST_DDS_PROFILE))
    if any(name in environ for name in PROFILE_VARIABLES):
        added = {}
    if not in_ros_install(environ):
        # The wheels hold one middleware; a name left over from elsewhere would end every node.
        added['RMW_IMPLEMENTATION'] = 'rmw_fastrtps_cpp'
    return added


def node_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the whole environment of a node process: `environ`, DDS, and the ament index."""
    node = {**environ, **dds_environment(environ)}
    # Lines of a node must appear when they are printed, not when its buffer of 8 KiB is full.
    node.setdefault('PYTHONUNBUFFERED', '1')
    node.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    return node


def prepare_ros() -> None:
    """Make this process ready for nodes, before it imports rclpy; raises InputError without it."""
    if importlib.util.find_spec('rclpy') is None:
        raise InputError(
            'rclpy is not installed: source a ROS 2 install, or install the extra ros-wheels of '
            'this package (`make` does)'
        )
    os.environ.update(dds_environment())
    os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)
