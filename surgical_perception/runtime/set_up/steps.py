"""The steps of a set-up, each with the inputs that it depends on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import machine
from .debian import ensure, system_packages
from .gpu import torch_variant
from .interpreters import find_interpreter
from .links import SHARED, make_links
from .lock import exclusive
from .progress import Progress
from .requirements import read_executables, read_requirements
from .stamp import Stamp, content_of, key_of
from .torch_wheels import install_torch
from .venv import Venv

# Without ROS the wheels are always wanted.
ALWAYS = 'ros-wheels'
RUNTIME = Path('surgical_perception/runtime')

CHECK = (
    'import rclpy, torch, tf2_msgs.msg, xray_registration; '
    'print("GPU" if torch.cuda.is_available() else "CPU")'
)


UNUSABLE = 'the packages cannot be imported, remove .venv to start anew'


@dataclass(frozen=True)
class Step:
    """A step: done once for each value of `inputs`, and again when a step before it was."""

    name: str
    title: str
    inputs: object
    do: Callable[[Progress], None]


def set_up(checkout: Path, extras: Iterable[str] = ()) -> None:
    """Bring `.venv` of a checkout up to date; raise SetUpError where that is not possible."""
    venv = Venv(checkout / '.venv')
    machine.check_no_ros(venv.path)
    with exclusive(checkout / '.venv.lock', print):
        stamp = Stamp.load(venv.notes / 'stamp.json')
        if not venv.python.exists():
            stamp = Stamp(stamp.path)
        extras = stamp.extras | {ALWAYS, *extras}
        variant = torch_variant()
        perform(_steps(checkout, venv, sorted(extras), variant), stamp, extras, checkout, variant)


def perform(
    steps: list[Step], stamp: Stamp, extras: set[str], checkout: Path, variant: str
) -> None:
    """Do those steps whose key is not in the stamp, and all after the first of them."""
    keys, key = [], ''
    for step in steps:
        key = key_of(key, step.name, step.inputs)
        keys.append(key)
    done = [stamp.done.get(step.name) == key for step, key in zip(steps, keys, strict=True)]
    if all(done):
        return
    first = done.index(False)
    machine.check_architecture()
    if first < [step.name for step in steps].index('tf2_msgs'):
        machine.check_disk(checkout, variant)
    progress = Progress(len(steps) - first)
    for step, key in zip(steps[first:], keys[first:], strict=True):
        stamp.invalidate(step.name)
        progress.step(step.title)
        step.do(progress)
        stamp.extras = extras
        stamp.finish(step.name, key)
    progress.finish()


def _steps(checkout: Path, venv: Venv, extras: list[str], variant: str) -> list[Step]:
    requirements = read_requirements(checkout)
    executables = read_executables(checkout)
    messages = checkout / RUNTIME / 'tf2_msgs'
    builder = checkout / RUNTIME / 'message_builder'

    def make_venv(progress: Progress) -> None:
        interpreter = find_interpreter()
        ensure(system_packages(interpreter), progress.say)
        venv.create(interpreter)

    def torch(progress: Progress) -> None:
        venv.remove_half_installed()
        install_torch(venv, requirements, variant, progress)

    def packages(progress: Progress) -> None:
        venv.remove_half_installed()
        venv.pip_install(['-e', f'{checkout}[{",".join(extras)}]'], progress)

    def tf2_msgs(progress: Progress) -> None:
        command = [str(venv.python), '-m', 'surgical_perception.runtime.message_builder']
        venv.run([*command, str(messages)], 'tf2_msgs cannot be built')

    def links(progress: Progress) -> None:
        make_links(checkout, venv.path, executables)

    def check(progress: Progress) -> None:
        device = venv.run([str(venv.python), '-c', CHECK], UNUSABLE)
        if variant == 'cuda' and device == 'CPU':
            progress.say('The NVIDIA driver is too old for this torch: the CPU will be used.')

    sources = [checkout / 'setup.cfg', checkout / 'setup.py']
    shared = [name for name in SHARED if (checkout / name).exists()]
    return [
        Step('venv', 'Virtual environment', str(venv.path), make_venv),
        Step('torch', f'PyTorch ({variant})', [requirements.named('torch'), variant], torch),
        Step(
            'packages', 'Python packages and ROS wheels', [content_of(sources), extras], packages
        ),
        Step(
            'tf2_msgs',
            'Message package tf2_msgs',
            content_of([*messages.rglob('*.msg'), *builder.glob('*.py')]),
            tf2_msgs,
        ),
        Step('links', 'Links for ros2 run and the ament index', [shared, executables], links),
        Step('check', 'Everything imports', CHECK, check),
    ]
