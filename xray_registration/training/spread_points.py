"""Landmarks of a CT that nobody has named: points of its bone surface, far from each other."""

import numpy as np

from surgical_perception.errors import InputError
from xray_registration.surface import bone_surface


def spread_points(ct, count, radius_m):
    """
    Return {name: [3] in `ct` (m)} of points of the bone surface; the same CT gives the same.

    count       how many; each is the point that is farthest from all that were taken before,
                the first the one that is nearest to the CT's middle
    radius_m    how far from the middle they may lie: farther ones are seldom in the image

    Raises InputError where there is too little bone.  Source: Gonzalez, Theor. Comp. Sci. 1985
    (farthest-first traversal).
    """
    vertices = bone_surface(ct)[0].astype(float)
    away = np.linalg.norm(vertices - ct.isocentre_m, axis=1)
    vertices, away = vertices[away <= radius_m], away[away <= radius_m]
    if len(vertices) < count:
        raise InputError(
            f'{ct.path}: has {len(vertices)} points of bone within {1e3 * radius_m:.0f} mm of its '
            f'middle, {count} landmarks are needed: name them in a file of landmarks'
        )
    chosen = [int(np.argmin(away))]
    nearest = np.full(len(vertices), np.inf)
    while len(chosen) < count:
        last = np.linalg.norm(vertices - vertices[chosen[-1]], axis=1)
        nearest = np.minimum(nearest, last)
        chosen.append(int(np.argmax(nearest)))
    return {f'bone {number + 1}': vertices[index] for number, index in enumerate(chosen)}
