"""What the machine must be: Linux on x86_64, no ROS sourced, room on the disk."""

import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from .failure import SetUpError

# Of the ROS wheels: manylinux_2_28.
GLIBC = (2, 28)
# Measured: venv and what pip holds while it unpacks, with room to spare.
NEEDED_GB = {'cpu': 7, 'cuda': 15}

COLCON_WAY = (
    'rosdep install --from-paths . -i && colcon build && ros2 launch surgical_perception '
    'xray_registration.launch.xml'
)


def check_architecture() -> None:
    """Raise SetUpError on machines for which there are no ROS wheels."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ('Linux', 'x86_64'):
        raise SetUpError(
            f'The ROS wheels exist for Linux on x86_64 only, this is {system} on {machine}: '
            f'install ROS 2 and use colcon ({COLCON_WAY}).'
        )
    library, version = platform.libc_ver()
    if library != 'glibc' or tuple(map(int, version.split('.')[:2])) < GLIBC:
        found = f'{library} {version}'.strip() or 'another C library'
        raise SetUpError(
            f'The ROS wheels need glibc {GLIBC[0]}.{GLIBC[1]} or later, this machine has {found}: '
            'use Debian 12 or Ubuntu 22.04, or later ones.'
        )


def check_no_ros(venv: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Raise SetUpError where a ROS install is sourced: it does not mix with the wheels."""
    prefixes = environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    foreign = [prefix for prefix in prefixes if prefix and Path(prefix) != venv]
    if environ.get('ROS_DISTRO') or foreign:
        name = environ.get('ROS_DISTRO') or foreign[0]
        raise SetUpError(
            f'ROS 2 ({name}) is sourced in this shell and must not be mixed with the ROS wheels: '
            f'use it ({COLCON_WAY}), or run make in a shell that does not source it.'
        )


def check_disk(folder: Path, variant: str) -> None:
    """Raise SetUpError where the folder's disk has too little room; `variant` is cpu or cuda."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < NEEDED_GB[variant]:
        raise SetUpError(
            f'The set-up needs {NEEDED_GB[variant]} GB on the disk of {folder}, {free_gb:.1f} GB '
            'are free: make room or move the checkout.'
        )
