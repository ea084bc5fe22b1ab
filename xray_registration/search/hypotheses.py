"""Poses that the CT may have, best looking first: around a given one, or of a C-arm anywhere."""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from xray_registration.config import PyramidLevel
from xray_registration.search.alignment import Aligner
from xray_registration.solvers.multistart import turned_starts

# The X-rays are matched at the coarsest size at which template matching still ranks right: at 32
# pixels and 5.6 mm it takes four times as long and puts the first good pose at the same rank.
MATCHING = PyramidLevel(16, 11.2, 'global_ncc', 0)


def ranked(request):
    """
    Return the poses to descend from, as ct_from_reference [4, 4], in the order to try them.

    Around each centre (the start of the Request, or without one every standard position) poses
    are scattered, shifted to where they match the X-rays best and sorted by that match.
    """
    align = Aligner(request.views, request.volumes, MATCHING, request.config)
    found = []
    for carm_from_ct in _scattered(request):
        found.append(align(se3.inverse(request.camera_from_reference) @ carm_from_ct))
        if request.interrupt():
            break
    found.sort(key=lambda aligned: -aligned.score)
    return [se3.inverse(aligned.reference_from_ct) for aligned in found]


def _scattered(request):
    """Yield carm_from_ct [4, 4] of the first view."""
    config, isocentre_m = request.config, request.isocentre_m
    if request.start is not None:
        centres = [request.camera_from_reference @ request.start]
    else:
        distance_m = 1e-3 * config.source_to_isocentre_mm
        centres = [
            frames.carm_from_ct_at(position, isocentre_m, distance_m)
            for position in config.positions
        ]
    for centre in centres:
        yield from turned_starts(
            centre, isocentre_m, config.multistart, config.multistart.hypotheses
        )


def check_search(config):
    """Raise InputError unless a RegistrationConfig says where to look without a start."""
    unknown = [name for name in config.positions if name not in frames.POSITIONS]
    if unknown:
        raise InputError(
            f'C-arm position {unknown[0]!r} is unknown, expected {", ".join(frames.POSITIONS)}'
        )
    if not config.positions:
        raise InputError('positions is empty: name at least one C-arm position, such as AP')
    if not (np.isfinite(config.source_to_isocentre_mm) and config.source_to_isocentre_mm > 0):
        raise InputError(
            f'source_to_isocentre_mm is {config.source_to_isocentre_mm:g}, expected a positive '
            'distance'
        )
