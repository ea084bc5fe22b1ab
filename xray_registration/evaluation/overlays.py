"""X-rays of a bag with the CT's contours before and after registration, for the page."""

import numpy as np

from surgical_perception.evaluation.report import Section
from xray_registration import pictures
from xray_registration.evaluation.bag_shots import BagShots
from xray_registration.masks.automatic import with_masks
from xray_registration.parameters import registration_config
from xray_registration.shot import Shot

TITLE = 'Before and after'
TEXT = (
    'Contours of the CT, projected at the pose known before the X-ray (left) and at the '
    'registered pose (right), on the X-ray of the first view'
)


def chosen(outcomes, table):
    """Return {index: name} of the shots to show: first and worst accepted, first refused."""
    accepted = [i for i, outcome in enumerate(outcomes) if outcome.estimate is not None]
    compared = [
        i
        for i, outcome in enumerate(outcomes)
        if outcome.estimate is None and outcome.carm_from_reference is not None
    ]
    found = {}
    if accepted:
        found[accepted[0]] = 'first'
        errors = [table[i]['mtre_mm'] for i in accepted]
        if np.isfinite(errors).any():
            found.setdefault(accepted[int(np.nanargmax(errors))], 'largest error')
        else:
            likeness = [table[i]['similarity'] for i in accepted]
            found.setdefault(accepted[int(np.argmin(likeness))], 'lowest similarity')
    if compared:
        found[compared[0]] = 'first refused'
    return found


def section(path, bag, topics, pipeline, parameters, outcomes, table):
    """Draw the chosen shots of a bag; return the Section, None where there is none to show."""
    names = chosen(outcomes, table)
    if not names:
        return None
    views = first_views(bag, topics, parameters, [outcomes[i] for i in names])
    rows = [
        row(
            f'X-ray {i + 1} ({name})',
            pipeline,
            views[outcomes[i].stamp_ns],
            outcomes[i],
            table[i],
        )
        for i, name in names.items()
        if outcomes[i].stamp_ns in views
    ]
    pictures.side_by_side(path, rows)
    return Section(TITLE, f'{TEXT}; the number is the 3D error on bone, where it is known.', path)


def row(title, pipeline, view, outcome, numbers):
    """Return the two Panels of one shot."""
    if outcome.start is None:
        left = pictures.Panel(f'{title}: no pose was known', view.image)
    else:
        drawn = pipeline.overlay(view, outcome.start)
        left = pictures.before(title, drawn, numbers['start_mtre_mm'])
    if outcome.estimate is None:
        right = pictures.Panel(f'{title}: {outcome.verdict}', view.image)
    else:
        right = pictures.after(title, pipeline.overlay(view, outcome.estimate), numbers['mtre_mm'])
    return left, right


def first_views(bag, topics, parameters, outcomes):
    """Return {stamp: View of the first view} of ShotOutcomes, with masks, as it was registered."""
    found, masks = {}, registration_config(parameters).masks
    wanted = {outcome.stamp_ns: outcome for outcome in outcomes}
    with BagShots(bag, topics, parameters) as shots:
        for shot in shots:
            if isinstance(shot, Shot) and shot.stamp_ns in wanted:
                views, _ = with_masks(shots.views(shot), masks)
                outcome = wanted[shot.stamp_ns]
                if outcome.calibration is not None and outcome.estimate is not None:
                    views = outcome.calibration.corrected(views, outcome.estimate)
                found[shot.stamp_ns] = views[0]
    return found
