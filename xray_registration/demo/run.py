"""`surgical-perception demo`: bag, nodes, evaluation, pictures, report."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from surgical_perception.errors import InputError
from surgical_perception.evaluation import results
from surgical_perception.runtime.environment import in_ros_install, node_environment
from surgical_perception.runtime.launch.packages import package_share
from xray_registration.config import RegistrationConfig
from xray_registration.demo import evaluate, present
from xray_registration.demo.bag import cached_bag
from xray_registration.demo.scene import DemoConfig, example_ct, make_scene
from xray_registration.pipeline import RegistrationPipeline
from xray_registration.volume.loader import load_ct

PACKAGE = 'surgical_perception'
LAUNCH_FILE = 'demo.launch.xml'
_CACHE = '.cache'
_RECORDING = 'recording'

# Start-up, the sequence and a slow machine; a graph that hangs must not hang the demo.
_LAUNCH_LIMIT_S = 300
_END_S = 10


def run(out, config=None, ct_path=None):
    """
    Run the demo and return the folder of its results, to which `out`/latest then points.

    Raises InputError with the reason where a step fails; what was recorded until then stays.
    """
    config, ct_path = config or DemoConfig(), Path(ct_path or example_ct())
    console = Console(stderr=True)
    began = time.monotonic()
    with console.status('loading the CT'):
        ct = load_ct(ct_path)
    console.print(f'CT: {ct_path}', highlight=False, soft_wrap=True)
    scene = make_scene(ct.isocentre_m, config)
    bag = _make_bag(console, Path(out) / _CACHE, ct, scene, config)
    folder = results.new_run(out)
    recording = folder / _RECORDING
    log = folder / 'nodes.log'
    _launch(console, {'ct': ct_path, 'bag': bag, 'record': recording}, log)
    with console.status('evaluating the recording against the truth'):
        pipeline = RegistrationPipeline(ct, RegistrationConfig())
        points = evaluate.spread_points(pipeline.surface()[0])
        outcomes = _outcomes(recording, scene, log)
        table = evaluate.rows(
            outcomes, points, ct.isocentre_m, scene.camera, config.orbit.sdd_mm / scene.camera.fx
        )
        numbers = evaluate.summarise(table, evaluate.tf_disagreement_mm(recording, points))
    with console.status('drawing'):
        present.present(folder, bag, pipeline, scene, config, outcomes, table, numbers)
    results.write_result(
        folder,
        numbers,
        config={'demo': config, 'registration': pipeline.config},
        inputs={'ct': ct_path, 'bag': bag, 'recording': recording},
        seed=config.seed,
        extra={'shots': table},
    )
    latest = results.link_latest(folder)
    console.print(present.summary_line(numbers))
    console.print(f'{time.monotonic() - began:.0f} s', highlight=False)
    console.print(f'Look at {latest / present.REPORT}', highlight=False, soft_wrap=True)
    return folder


def _make_bag(console, cache, ct, scene, config):
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task('simulating X-rays by Siddon', total=len(scene.shots))
        bag = cached_bag(cache, ct, scene, config, lambda: progress.advance(task))
        progress.update(task, completed=len(scene.shots))
    return bag


def _launch(console, arguments, log):
    """Run the launch file until it ends; its lines go to the terminal and to a log."""
    command = [*_launcher(), *(f'{name}:={value}' for name, value in arguments.items())]
    environment = node_environment() | _own_domain()
    console.print(f'starting the nodes (ROS_DOMAIN_ID={environment["ROS_DOMAIN_ID"]})')
    with log.open('w', encoding='utf-8') as stream:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the nodes once, through _end
        )
        limit = threading.Timer(_LAUNCH_LIMIT_S, _end, [process])
        limit.start()
        try:
            for line in process.stdout:
                stream.write(line)
                console.print(
                    line.rstrip(), style='dim', markup=False, highlight=False, soft_wrap=True
                )
            code = process.wait(_END_S)
        finally:
            limit.cancel()
            _end(process)
    if code:
        raise InputError(f'a node failed (exit code {code}): see {log}')


def _outcomes(recording, scene, log):
    try:
        return evaluate.read_outcomes(recording, scene)
    except InputError as error:
        raise InputError(f'{error}: the nodes say why in {log}') from None


def _launcher():
    """Return the command that launches: ROS 2's where there is one, else our runner."""
    if in_ros_install() and shutil.which('ros2'):
        return ['ros2', 'launch', PACKAGE, LAUNCH_FILE]
    path = package_share(PACKAGE) / 'launch' / LAUNCH_FILE
    return [sys.executable, '-m', 'surgical_perception.runtime.launch_runner', str(path)]


def _own_domain():
    """Keep the demo's patient and C-arm away from any robot: this machine, its own domain."""
    domain = os.environ.get('ROS_DOMAIN_ID') or str(os.getpid() % 100 + 1)
    return {'ROS_DOMAIN_ID': domain, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


def _end(process):
    """End the launch and all that it started; the launch alone is asked first."""
    for end in (
        lambda: process.send_signal(signal.SIGINT),
        lambda: os.killpg(process.pid, signal.SIGTERM),
        lambda: os.killpg(process.pid, signal.SIGKILL),
    ):
        if process.poll() is not None:
            return
        end()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
