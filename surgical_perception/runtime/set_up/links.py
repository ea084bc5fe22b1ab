"""Put the checkout's data files and executables where ROS looks for them, as links."""

import os
from pathlib import Path

PACKAGE = 'surgical_perception'
# What setup.py installs as data files; a folder that the checkout lacks is left out.
SHARED = ('package.xml', 'launch', 'config', 'rviz', 'foxglove')
PROFILE = Path('surgical_perception/runtime/fastdds_shm.xml')
MARKER = Path('share/ament_index/resource_index/packages', PACKAGE)


def make_links(checkout: Path, prefix: Path, executables: list[str]) -> None:
    """
    Link share/<package>/..., lib/<package>/<executable> and the ament index's marker.

    An editable install leaves all of these out.
    """
    share, programs = prefix / 'share' / PACKAGE, prefix / 'lib' / PACKAGE
    wanted = {share / name: checkout / name for name in SHARED if (checkout / name).exists()}
    wanted[share / PROFILE.name] = checkout / PROFILE
    wanted |= {programs / name: prefix / 'bin' / name for name in executables}
    for folder in (share, programs):
        folder.mkdir(parents=True, exist_ok=True)
        for path in set(folder.iterdir()) - set(wanted):
            path.unlink()
    for link, target in wanted.items():
        _link(link, target)
    marker = prefix / MARKER
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _link(link: Path, target: Path) -> None:
    value = os.path.relpath(target, link.parent)
    if link.is_symlink() and os.readlink(link) == value:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(value)
