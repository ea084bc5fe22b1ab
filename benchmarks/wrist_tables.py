"""The tables of benchmarks/wrist_biplane.py from the numbers of its steps."""

import numpy as np
from scipy.spatial.transform import Rotation
from wrist_data import BONES, INSTANTS, load_bone

from surgical_perception.evaluation.metrics import wilson_interval
from surgical_perception.geometry import se3

# An end this near to the consensus is the same pose.
_SAME_MM, _SAME_DEG = 0.5, 1.0


def markdown(found):
    """Return the tables; `found` maps (bone, instant, step) to what the step returned."""
    return '\n'.join([_consistency(found), _truth(found), _kinematics(found), _single(found)])


def _consistency(found):
    head = (
        'bone',
        'instant',
        'cost, verdict of two views',
        'starts +-3 mm, 3 deg',
        'starts +-6 mm, 6 deg',
        'local against gradient correlation',
        'cost stored / mirrored',
    )
    rows = []
    for bone, instant in _pairs():
        two, step = found[bone, instant, 'two_views'], found[bone, instant, 'capture']
        shift, turn = found[bone, instant, 'local']['errors']
        stored = found[bone, instant, 'consensus']['cost']
        rows.append(
            (
                bone,
                instant,
                f'{two["cost"]:.3f}, {two["verdict"]}',
                *(_share(ends) for ends in step.values()),
                f'{shift:.2f} mm, {turn:.2f} deg',
                f'{stored:.3f} / {found[bone, instant, "mirrored"]["cost"]:.3f}',
            )
        )
    for bone in BONES:
        pooled = [
            _share([e for i in INSTANTS for e in found[bone, i, 'capture'][size]])
            for size in found[bone, INSTANTS[0], 'capture']
        ]
        rows.append((bone, 'all', '', *pooled, '', ''))
    return _table(head, rows)


def _truth(found):
    errors = np.array([e for bone, i in _pairs() for e in found[bone, i, 'moved_bone']['errors']])
    median, worst = np.median(errors, 0), errors.max(0)
    near = int(((errors[:, 0] < _SAME_MM) & (errors[:, 1] < _SAME_DEG)).sum())
    row = (
        str(len(errors)),
        f'{median[0]:.3f} mm, {median[1]:.2f} deg',
        f'{worst[0]:.2f} mm, {worst[1]:.2f} deg',
        f'{near} of {len(errors)}',
    )
    head = ('bones moved within their X-rays', 'median error', 'largest', '< 0.5 mm and 1 deg')
    return _table(head, [row])


def _kinematics(found):
    """Turn of the ulna against the radius, split about the ulna's shaft and off it."""
    ulna = load_bone('ulna')
    points = np.argwhere(ulna.hu > 0)[:, ::-1] * ulna.spacing_m
    shaft = np.linalg.svd(points[::50] - points.mean(0), full_matrices=False)[2][0]
    pose = {(bone, i): np.array(found[bone, i, 'consensus']['pose']) for bone, i in _pairs()}
    relative = {i: se3.inverse(pose['radius', i]) @ pose['ulna', i] for i in INSTANTS}
    rows = []
    for first, last in (('0099', '0158'), ('0002', '0158'), ('0002', '0099')):
        turn = relative[last][:3, :3] @ relative[first][:3, :3].T
        vector = np.rad2deg(Rotation.from_matrix(turn).as_rotvec())
        axis = relative[first][:3, :3] @ shaft
        about = float(vector @ axis)
        off = float(np.linalg.norm(vector - about * axis))
        rows.append((f'{first} to {last}', f'{abs(about):.2f} deg', f'{off:.2f} deg'))
    return _table(('ulna against radius', 'about the shaft', 'off its axis'), rows)


def _single(found):
    head = (
        'one view',
        'camera',
        'differs from two views (right, down, depth)',
        'reported sigma',
        'verdict',
    )
    rows = []
    for bone, instant in _pairs():
        for camera, view in enumerate(found[bone, instant, 'one_view']['views'], 1):
            rows.append(
                (
                    f'{bone} {instant}',
                    str(camera),
                    ', '.join(f'{x:.2f}' for x in view['difference_mm']) + ' mm',
                    ', '.join(f'{x:.2f}' for x in view['sigma_mm']) + ' mm',
                    view['verdict'],
                )
            )
    return _table(head, rows)


def _pairs():
    return [(bone, instant) for bone in BONES for instant in INSTANTS]


def _share(ends):
    ends = np.array(ends)
    same = (ends[:, 0] < _SAME_MM) & (ends[:, 1] < _SAME_DEG)
    low, high = wilson_interval(int(same.sum()), len(ends))
    spread = np.median(ends[same, 0]) if same.any() else np.nan
    return f'{same.sum()} of {len(ends)} ({low:.0%}-{high:.0%}), spread {spread:.3f} mm'


def _table(head, rows):
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines) + '\n'
