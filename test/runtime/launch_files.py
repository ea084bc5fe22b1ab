"""A ROS package on disk for launch tests: an ament index, executables, a launch file."""

import stat
from pathlib import Path

PACKAGE = 'greeter'


def make_package(prefix: Path, **executables: str) -> Path:
    """Make a package with executables (name: shell script); return its share folder."""
    marker = prefix / 'share/ament_index/resource_index/packages' / PACKAGE
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    for name, script in executables.items():
        path = prefix / 'lib' / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    share = prefix / 'share' / PACKAGE
    share.mkdir(parents=True, exist_ok=True)
    return share


def write_launch(path: Path, body: str) -> Path:
    """Write a launch file with the given body."""
    path.write_text(f'<launch>{body}</launch>')
    return path
