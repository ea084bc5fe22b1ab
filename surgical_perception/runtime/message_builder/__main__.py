"""Build the package of the folder on the command line into this venv."""

import subprocess
import sys
import sysconfig
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from .generators import MessagePackage
from .install import build


def main(folder: Path) -> int:
    """Build and install; return 1 with one sentence where generator or compiler fails."""
    declared = [tag.text for tag in ET.parse(folder / 'package.xml').iter('depend')]
    # Messages of a dependency use others in turn; these two stand below all of them.
    dependencies = (*declared, 'std_msgs', 'builtin_interfaces')
    with tempfile.TemporaryDirectory() as build_folder:
        package = MessagePackage(folder.resolve(), dependencies, Path(build_folder))
        try:
            build(package, Path(sys.prefix), Path(sysconfig.get_path('purelib')))
        except FileNotFoundError as error:
            sys.exit(f'{package.name} cannot be built: {error.filename} is missing')
        except subprocess.CalledProcessError as error:
            sys.exit(f'{package.name} cannot be built: {error.cmd[0]} failed, see above')
    return 0


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
