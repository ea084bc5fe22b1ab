import numpy as np
import pytest
from live_fakes import TEXTURE

from surg_invnerf.live.config import FlowConfig
from surg_invnerf.live.flow import flow, tracking_image

CONFIG = FlowConfig(batch=10)


def pictures(shift):
    wide = tracking_image(TEXTURE)
    return wide[40:168, 100:260].copy(), wide[40:168, 100 + shift : 260 + shift].copy()


def grid():
    return np.stack(np.meshgrid(np.arange(40.0, 120, 10), np.arange(30.0, 100, 10)), -1).reshape(
        -1, 2
    )


@pytest.mark.parametrize('shift', [0, 1, 5, 12])
def test_finds_a_shifted_texture(shift):
    before, after = pictures(shift)
    found, round_trip, looked = flow(before, after, grid(), grid(), CONFIG)
    assert looked.all()
    assert round_trip.max() < 0.1
    assert np.abs(found - (grid() - [shift, 0])).max() < 0.1


def test_does_not_find_what_is_covered():
    before, after = pictures(3)
    after[:, :80] = 128
    _, round_trip, _ = flow(before, after, grid(), grid(), CONFIG)
    covered = grid()[:, 0] < 65
    clear = grid()[:, 0] > 105
    assert (round_trip[covered] > CONFIG.max_round_trip_px).all()
    assert (round_trip[clear] < CONFIG.max_round_trip_px).all()


def test_stops_at_the_deadline_between_batches():
    before, after = pictures(3)
    clock = iter(range(100))
    found, round_trip, looked = flow(
        before, after, grid(), grid(), CONFIG, deadline=2, clock=lambda: next(clock)
    )
    assert looked.sum() == 4 * CONFIG.batch
    assert np.isinf(round_trip[~looked]).all()
    assert np.array_equal(found[~looked], grid()[~looked])


def test_the_first_batch_is_tracked_however_late_it_is():
    before, after = pictures(3)
    _, _, looked = flow(before, after, grid(), grid(), CONFIG, deadline=-1.0)
    assert looked.sum() == CONFIG.batch


def test_takes_no_points():
    before, after = pictures(3)
    found, round_trip, looked = flow(before, after, np.zeros((0, 2)), np.zeros((0, 2)), CONFIG)
    assert len(found) == len(round_trip) == len(looked) == 0
