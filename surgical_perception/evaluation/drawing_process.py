"""3D pictures are drawn in a process of their own: without display and EGL, VTK takes it down."""

import importlib
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from surgical_perception.errors import InputError


def draw(render, path, view):
    """
    Call `render(path, view)`, a module's function, in another process.

    `view` is pickled.  Raises InputError that says what to install.
    """
    with tempfile.NamedTemporaryFile(suffix='.pickle') as file:
        pickle.dump((render.__module__, render.__name__, str(path), view), file)
        file.flush()
        command = [sys.executable, '-m', __name__, file.name]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ['it crashed']
        raise InputError(
            'no 3D picture: VTK needs a display or EGL (Debian: libegl1), and here it failed: '
            + said[0]
        )


def _main(file):
    if 'DISPLAY' not in os.environ:
        # VTK would try X first and complain on stderr.
        os.environ.setdefault('VTK_DEFAULT_OPENGL_WINDOW', 'vtkEGLRenderWindow')
    # The pickle is the parent's own temporary file.
    module, name, path, view = pickle.loads(Path(file).read_bytes())
    getattr(importlib.import_module(module), name)(path, view)


if __name__ == '__main__':
    _main(sys.argv[1])
