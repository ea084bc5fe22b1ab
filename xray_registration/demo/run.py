"""`surgical-perception demo`: bag, nodes, evaluation, pictures, report."""

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from surgical_perception import parameters as parameter_schema
from surgical_perception.demo import Outcome
from surgical_perception.errors import InputError
from surgical_perception.evaluation import results
from surgical_perception.parameter_files import write_values
from surgical_perception.runtime.demo_launch import launch
from xray_registration.assembly import load_networks
from xray_registration.demo import evaluate, present
from xray_registration.demo.bag import cached_bag
from xray_registration.demo.scene import DemoConfig, example_ct, make_scene
from xray_registration.evaluation.rows import rows, spread_points
from xray_registration.parameters import XrayRegistrationParameters, registration_config
from xray_registration.pipeline import RegistrationPipeline
from xray_registration.volume.loader import load_ct

LAUNCH_FILE = 'demo.launch.xml'
_RECORDING, _PARAMETERS = 'recording', 'parameters.yaml'

# Start-up, the sequence and a slow machine; a graph that hangs must not hang the demo.
_LAUNCH_LIMIT_S = 300


def run(folder, cache, console, config=None, ct_path=None, parameters=None):
    """
    Run the demo into `folder` and return its Outcome; inputs are kept in the folder `cache`.

    parameters      {name: value} of the registration node, instead of its defaults

    Raises InputError with the reason where a step fails; what was recorded until then stays.
    """
    config, ct_path = config or DemoConfig(), Path(ct_path or example_ct())
    with console.status('loading the CT'):
        ct = load_ct(ct_path)
    console.print(f'CT: {ct_path}', markup=False, highlight=False, soft_wrap=True)
    scene = make_scene(ct.isocentre_m, config)
    bag = _make_bag(console, cache, ct, scene, config)
    recording = folder / _RECORDING
    log = folder / 'nodes.log'
    arguments = {'ct': ct_path, 'bag': bag, 'record': recording}
    parameters = parameters or {}
    if parameters:
        arguments['params_file'] = write_values(folder / _PARAMETERS, parameters)
    launch(console, LAUNCH_FILE, arguments, log, _LAUNCH_LIMIT_S)
    with console.status('evaluating the recording against the truth'):
        node = parameter_schema.build(XrayRegistrationParameters, parameters)
        pipeline = RegistrationPipeline(ct, registration_config(node), load_networks(node, ct))
        points = spread_points(pipeline.surface()[0])
        outcomes = _outcomes(recording, scene, log)
        table = rows(outcomes, points, ct.isocentre_m, config.orbit.sdd_mm)
        tf_mm = evaluate.tf_disagreement_mm(recording, points)
        numbers = evaluate.summarise_demo(table, scene.exposed, tf_mm)
    with console.status('drawing'):
        present.present(folder, bag, pipeline, scene, config, outcomes, table, numbers)
    results.write_result(
        folder,
        numbers,
        config={'demo': config, 'registration': pipeline.config},
        inputs={'ct': ct_path, 'bag': bag, 'recording': recording},
        seed=config.seed,
        extra={
            'shots': [
                row | {'exposed': shows} for row, shows in zip(table, scene.exposed, strict=True)
            ],
            'isocentre_m': ct.isocentre_m,
        },
    )
    overlays = folder / present.OVERLAYS
    return Outcome(
        present.TITLE,
        present.summary_line(numbers, scene),
        numbers,
        overlays if overlays.exists() else None,
        (bag, recording),
    )


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


def _outcomes(recording, scene, log):
    try:
        return evaluate.read_outcomes(recording, scene)
    except InputError as error:
        raise InputError(f'{error}: the nodes say why in {log}') from None
