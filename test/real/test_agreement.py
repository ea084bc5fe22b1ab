from types import SimpleNamespace

import numpy as np
import pytest

from surgical_perception.geometry import se3
from xray_registration.config import MultistartConfig
from xray_registration.methods.request import Estimate
from xray_registration.presets import segmented_bone
from xray_registration.result import SolverStatus
from xray_registration.search.agreement import agreed


class Landscape:
    """Ends each descent where a list says: (place in mm, cost)."""

    def __init__(self, ends):
        self.ends, self.starts = list(ends), []

    def descend(self, pose):
        self.starts.append(pose)
        place_mm, cost = self.ends[len(self.starts) - 1]
        end = se3.exp(np.array([1e-3 * place_mm, 0, 0, 0, 0, 0]))
        return Estimate(end, SimpleNamespace(cost=cost), SolverStatus.CONVERGED, 3, 1)


def request(**changes):
    config = segmented_bone()
    values = {
        'start': np.eye(4),
        'camera_from_reference': se3.exp(np.array([0, 0, 0.8, 0.3, 0, 0])),
        'isocentre_m': np.zeros(3),
        'interrupt': lambda: False,
        'config': config,
    }
    return SimpleNamespace(**values | changes)


@pytest.mark.parametrize(
    'ends, place_mm, tried',
    [
        # The first is verified by its cost.
        ([(1, 0.3), (9, 0.1)], 1, 1),
        # Two agree, though a third lies elsewhere.
        ([(1, 0.6), (5, 0.7), (1.2, 0.61), (9, 0.1)], 1, 3),
        # The pair that agrees is not the lowest: the search goes on.
        ([(1, 0.7), (1, 0.7), (5, 0.6), (5, 0.6)], 1, 2),
        ([(1, 0.7), (5, 0.6), (1, 0.7), (5, 0.6)], 5, 4),
        # A cost that is not a number never wins.
        ([(1, np.nan), (5, 0.6), (5, 0.6)], 5, 3),
    ],
)
def test_the_lowest_minimum_that_two_reach_is_taken(ends, place_mm, tried):
    landscape = Landscape(ends)
    found = agreed(request(), landscape.descend)
    assert found.ct_from_reference[0, 3] == pytest.approx(1e-3 * place_mm)
    assert found.starts == len(landscape.starts) == tried


def test_without_agreement_the_lowest_of_all_starts_is_taken():
    most = segmented_bone().multistart.max_starts
    landscape = Landscape([(10 * k, 0.9 - 0.01 * k) for k in range(most)])
    found = agreed(request(), landscape.descend)
    assert found.starts == most
    assert found.ct_from_reference[0, 3] == pytest.approx(1e-2 * (most - 1))


def test_starts_lie_within_their_ranges_and_the_given_one_is_first():
    most = segmented_bone().multistart.max_starts
    landscape, asked = Landscape([(10 * k, 0.9) for k in range(most)]), request()
    agreed(asked, landscape.descend)
    np.testing.assert_allclose(landscape.starts[0], np.eye(4), atol=1e-12)
    limits: MultistartConfig = asked.config.multistart
    for pose in landscape.starts:
        assert (
            np.linalg.norm(1e3 * pose[:3, 3])
            <= np.hypot(np.hypot(limits.in_plane_mm, limits.in_plane_mm), limits.depth_mm) + 1e-9
        )
        assert np.rad2deg(se3.rotation_angle(pose)) <= np.sqrt(3) * limits.rotation_deg + 1e-9


def test_a_given_start_alone_is_asked_for():
    landscape = Landscape([(1, 0.9), (2, 0.1)])
    config = segmented_bone()
    alone = request(config=SimpleNamespace(
        multistart=config.multistart, gate=config.gate, init='start'
    ))  # fmt: skip
    assert agreed(alone, landscape.descend).starts == 1
