"""Data files, which setup.cfg cannot name by pattern; everything else is in setup.cfg."""

from pathlib import Path

from setuptools import setup

PACKAGE = 'surgical_perception'
FOLDERS = ('launch', 'config', 'rviz', 'foxglove')


def data_files():
    """Return the ament index's marker, package.xml, the Fast DDS profile and the data folders."""
    share = f'share/{PACKAGE}'
    files = [
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (share, ['package.xml', 'surgical_perception/runtime/fastdds_shm.xml']),
    ]
    for folder in FOLDERS:
        paths = sorted(str(path) for path in Path(folder).glob('*') if path.is_file())
        files.append((f'{share}/{folder}', paths))
    return [(target, paths) for target, paths in files if paths]


setup(data_files=data_files())
