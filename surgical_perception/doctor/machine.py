"""The machine and what is installed on it."""

import importlib.util
import os
import platform
import shutil
import sys

from surgical_perception.evaluation import results
from surgical_perception.findings import Finding, Level
from surgical_perception.runtime.environment import in_ros_install

# Types without which no node of this package starts.
_MESSAGES = (
    'sensor_msgs',
    'geometry_msgs',
    'diagnostic_msgs',
    'visualization_msgs',
    'std_srvs',
    'tf2_msgs',
)
_MIN_MEMORY_GB = 4.0


def machine_findings():
    """Return Findings about computer, versions and GPU."""
    versions = results.versions()
    ours, python = versions.pop('surgical_perception'), versions.pop('python')
    return [
        Finding(Level.OK, 'version', f'surgical_perception {ours}, Python {python}'),
        Finding(Level.OK, 'packages', ', '.join(f'{n} {v}' for n, v in versions.items())),
        _computer(),
        _gpu(),
    ]


def ros_findings():
    """Return Findings about the ROS that nodes would run on."""
    if importlib.util.find_spec('rclpy') is None:
        text = (
            'rclpy is not installed: source a ROS 2 install, or run `make setup`, which brings '
            'the ROS wheels; `register`, `track`, `evaluate` and `check-bag` work without'
        )
        return [Finding(Level.ERROR, 'ROS', text)]
    found = [_distribution()]
    missing = [name for name in _MESSAGES if importlib.util.find_spec(name) is None]
    if missing:
        text = f'messages {", ".join(missing)} are not installed: no node starts without them'
        if 'tf2_msgs' in missing and not in_ros_install():
            text += '; tf2_msgs is compiled by `make setup`, which needs g++ (Debian: g++)'
        found.append(Finding(Level.ERROR, 'ROS', text))
    return found


def _distribution():
    where = importlib.util.find_spec('rclpy').origin
    if not in_ros_install():
        return Finding(Level.OK, 'ROS', f'wheels of this environment ({where})')
    name = os.environ.get('ROS_DISTRO', 'unknown distribution')
    if where.startswith(sys.prefix + os.sep) and sys.prefix != sys.base_prefix:
        return Finding(
            Level.ERROR,
            'ROS',
            f'a ROS install ({name}) is sourced, but rclpy comes from the wheels of {sys.prefix}: '
            'the two do not mix; open a terminal without the one, or leave the environment',
        )
    return Finding(Level.OK, 'ROS', f'{name} ({where})')


def _computer():
    device = results.device()
    memory_gb = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9
    free_gb = shutil.disk_usage('.').free / 1e9
    text = (
        f'{platform.system()} {platform.release()}, {device["cores"]} cores of {device["cpu"]}, '
        f'{memory_gb:.0f} GB of memory, {free_gb:.0f} GB free here'
    )
    if memory_gb < _MIN_MEMORY_GB:
        return Finding(Level.WARNING, 'machine', f'{text}: a CT and its renderer want 4 GB')
    return Finding(Level.OK, 'machine', text)


def _gpu():
    import torch

    if not torch.cuda.is_available():
        why = 'this torch has no CUDA' if torch.version.cuda is None else 'no CUDA device is there'
        return Finding(Level.OK, 'device', f'auto is the CPU: {why}')
    name = torch.cuda.get_device_name()
    total_gb = torch.cuda.get_device_properties(0).total_memory / 1e9
    if importlib.util.find_spec('triton') is None:
        text = (
            f'{name}, but triton is not installed, which X-rays are rendered with: the extra gpu'
        )
        return Finding(Level.WARNING, 'device', text)
    return Finding(Level.OK, 'device', f'auto is {name}, {total_gb:.0f} GB')
