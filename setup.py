"""What setup.cfg cannot say: data files by pattern, and the oldest Python."""

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


# Not in setup.cfg: setuptools would make an object of it, which colcon cannot read back.
setup(data_files=data_files(), python_requires='>=3.10')
