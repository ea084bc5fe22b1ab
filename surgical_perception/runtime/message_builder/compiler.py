"""Compile generated message code into the one extension module that rclpy imports."""

import os
import subprocess
import sysconfig
from pathlib import Path

from .generators import TYPESUPPORTS, MessagePackage

COMPILERS = {'.c': ('CC', 'gcc', '-std=gnu11'), '.cpp': ('CXX', 'g++', '-std=gnu++17')}
RUNTIME_LIBRARIES = (
    'rosidl_runtime_c',
    'rcutils',
    'rmw',
    'rosidl_typesupport_c',
    'rosidl_typesupport_fastrtps_c',
    'rosidl_typesupport_introspection_c',
    'rosidl_typesupport_fastrtps_cpp',
    'fastcdr',
    'rosidl_dynamic_typesupport',
)


def compile_module(package: MessagePackage, prefix: Path, folder: Path, target: Path) -> Path:
    """Compile what was generated into a module in `folder`, linked to be moved to `target`."""
    flags = _flags(package, prefix)
    commands = []
    for source in sorted(package.build.glob('rosidl_*/**/*.c*')):
        if source.suffix in COMPILERS:
            output = package.build / f'{len(commands)}.o'
            commands.append([*_compiler(source.suffix), *flags, '-c', source, '-o', output])
    _run_all(commands)
    suffix = sysconfig.get_config_var('EXT_SUFFIX')
    module = folder / f'{package.name}_s__rosidl_typesupport_c{suffix}'
    linker, _ = _compiler('.cpp')
    objects = [command[-1] for command in commands]
    libraries = _libraries(package, prefix, target)
    _run_all([[linker, '-shared', *objects, '-o', module, *libraries]])
    return module


def _compiler(suffix: str) -> list[str]:
    variable, default, standard = COMPILERS[suffix]
    return [os.environ.get(variable, default), standard]


def _flags(package: MessagePackage, prefix: Path) -> list[str]:
    import numpy

    generated = [package.build / name for name in ('rosidl_generator_c', *TYPESUPPORTS)]
    include = prefix / 'include'
    installed = [include, *(path for path in include.iterdir() if path.is_dir())]
    folders = [*generated, sysconfig.get_path('include'), numpy.get_include(), *installed]
    # -w: the generated code is not ours to mend.
    name = f'-DROS_PACKAGE_NAME="{package.name}"'
    return ['-O2', '-fPIC', '-w', name, *(f'-I{folder}' for folder in folders)]


def _libraries(package: MessagePackage, prefix: Path, target: Path) -> list[str]:
    lib = prefix / 'lib'
    kinds = ('rosidl_generator_c', 'rosidl_generator_py', 'rosidl_typesupport_c', *TYPESUPPORTS)
    of_messages = [f'{name}__{kind}' for name in package.dependencies for kind in kinds]
    return [
        f'-L{lib}',
        *(f'-l{name}' for name in (*of_messages, *RUNTIME_LIBRARIES)),
        # Found beside the module: the venv may be moved with its checkout.
        f'-Wl,-rpath,$ORIGIN/{os.path.relpath(lib, target)}',
        f'-Wl,-rpath-link,{lib}',
        '-Wl,--as-needed',
    ]


def _run_all(commands: list[list[object]]) -> None:
    processes = [subprocess.Popen([str(word) for word in command]) for command in commands]
    for process in processes:
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, process.args)
