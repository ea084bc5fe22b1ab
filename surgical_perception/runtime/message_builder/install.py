"""Put a built message package where Python, the middleware and the ament index look for it."""

import os
import shutil
from pathlib import Path

from .compiler import compile_module
from .generators import TYPESUPPORTS, MessagePackage, generate


def build(package: MessagePackage, prefix: Path, site_packages: Path) -> None:
    """Generate, compile and install a package below `prefix`; what was there is replaced."""
    staged = package.build / 'install' / package.name
    shutil.copytree(generate(package, prefix), staged, ignore=shutil.ignore_patterns('*.c'))
    (staged / '__init__.py').touch()
    target = site_packages / package.name
    # Linked for its final place, then moved there whole: a build that is killed leaves no half.
    module = compile_module(package, prefix, staged, target)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(staged, target)
    _link_typesupports(package, prefix, target / module.name)
    _install_index(package, prefix)


def _link_typesupports(package: MessagePackage, prefix: Path, module: Path) -> None:
    # rosidl_typesupport_c opens libraries of these names; the module holds their symbols.
    for kind in TYPESUPPORTS:
        link = prefix / 'lib' / f'lib{package.name}__{kind}.so'
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(module, link.parent))


def _install_index(package: MessagePackage, prefix: Path) -> None:
    share = prefix / 'share'
    messages = share / package.name / 'msg'
    messages.mkdir(parents=True, exist_ok=True)
    descriptions = package.output('rosidl_generator_type_description')
    for message in package.messages:
        shutil.copy(package.folder / f'{message}.msg', messages)
        shutil.copy(package.output('idl') / f'{message}.idl', messages)
        shutil.copy(descriptions / f'{message}.json', messages)
    shutil.copy(package.folder / 'package.xml', share / package.name)
    interfaces = '\n'.join(f'{message}.msg' for message in package.messages)
    for kind, content in (('packages', ''), ('rosidl_interfaces', interfaces)):
        marker = share / 'ament_index' / 'resource_index' / kind / package.name
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(content)
