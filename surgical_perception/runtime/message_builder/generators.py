"""Call the code generators of ROS 2 (rosidl) on a package's messages."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# The typesupports that rmw_fastrtps_cpp asks for: serialisation, and the introspection from which
# it registers the type (without it a subscription ends the process).
TYPESUPPORTS = ('rosidl_typesupport_fastrtps_c', 'rosidl_typesupport_introspection_c')


@dataclass(frozen=True)
class MessagePackage:
    """A folder with `msg/*.msg`, the packages whose messages it uses, and a folder to build in."""

    folder: Path
    dependencies: tuple[str, ...]
    build: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def messages(self) -> list[str]:
        """Paths of the messages relative to the folder, without suffix: `msg/TFMessage`."""
        return [f'msg/{path.stem}' for path in sorted(self.folder.glob('msg/*.msg'))]

    def output(self, generator: str) -> Path:
        """Folder into which a generator writes."""
        return self.build / generator / self.name


def generate(package: MessagePackage, prefix: Path) -> Path:
    """Generate C code and the Python package; return the folder of the latter."""
    _write_idl(package)
    # The hashes come first: all other generators write them into their code.
    shares = [f'{name}:{prefix / "share" / name}' for name in package.dependencies]
    _run('rosidl_generator_type_description', package, prefix, include_paths=shares)
    descriptions = package.output('rosidl_generator_type_description')
    hashes = [f'{m}.idl:{descriptions / f"{m}.json"}' for m in package.messages]
    known = {'type_description_tuples': hashes}
    for generator in ('rosidl_generator_c', *TYPESUPPORTS):
        _run(generator, package, prefix, **known)
        _write_visibility_header(generator, package, prefix)
    _run('rosidl_typesupport_c', package, prefix, '--typesupports', *TYPESUPPORTS, **known)
    one = ('--typesupport-impls', 'rosidl_typesupport_c')
    _run('rosidl_generator_py', package, prefix, *one, **known)
    return package.output('rosidl_generator_py')


def _write_idl(package: MessagePackage) -> None:
    from rosidl_adapter import convert_to_idl

    for message in package.messages:
        output = package.output('idl')
        convert_to_idl(package.folder, package.name, Path(f'{message}.msg'), output)


def _run(
    generator: str, package: MessagePackage, prefix: Path, *options: str, **arguments: list[str]
) -> None:
    share = prefix / 'share'
    sources = [str(package.folder / f'{message}.msg') for message in package.messages]
    output = package.output(generator)
    output.mkdir(parents=True, exist_ok=True)
    arguments |= {
        'package_name': package.name,
        'output_dir': str(output),
        'template_dir': str(share / generator / 'resource'),
        'idl_tuples': [f'{package.output("idl")}:{m}.idl' for m in package.messages],
        'ros_interface_files': sources,
        'ros_interface_dependencies': [
            f'{name}:{idl}'
            for name in package.dependencies
            for idl in sorted((share / name).glob('*/*.idl'))
        ],
        'target_dependencies': sources,
    }
    file = package.build / f'{generator}.json'
    file.write_text(json.dumps(arguments))
    program = prefix / 'lib' / generator / generator
    subprocess.run(
        [sys.executable, program, '--generator-arguments-file', file, *options], check=True
    )


def _write_visibility_header(generator: str, package: MessagePackage, prefix: Path) -> None:
    # What CMake's configure_file does in a ROS build; the generated code includes it.
    header = f'{generator}__visibility_control.h'
    text = (prefix / 'share' / generator / 'resource' / f'{header}.in').read_text()
    text = text.replace('@PROJECT_NAME@', package.name)
    text = text.replace('@PROJECT_NAME_UPPER@', package.name.upper())
    target = package.output(generator) / 'msg' / header
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
