import numpy as np
import pytest

from surgical_perception.geometry import se3
from xray_registration.config import MultistartConfig
from xray_registration.solvers.multistart import turned_starts


def test_starts_stay_in_the_box_and_fill_it(carm_from_ct, volumes):
    config = MultistartConfig(rotation_deg=30.0, depth_mm=50.0)
    centre = se3.apply(carm_from_ct, volumes.isocentre_m)
    twists = []
    for pose in turned_starts(carm_from_ct, volumes.isocentre_m, config, 64):
        shift = se3.apply(pose, volumes.isocentre_m) - centre
        turn = np.rad2deg(se3.log(pose @ se3.inverse(carm_from_ct))[3:])
        twists.append([*(1e3 * shift), *turn])
    twists = np.array(twists)
    assert np.abs(twists[:, :2]).max() < 1e-9
    assert np.abs(twists[:, 2]).max() <= 50
    assert np.abs(twists[:, 3:]).max() <= 30
    assert twists[:, 2:].max(0) == pytest.approx([50, 30, 30, 30], rel=0.1)
    assert twists[:, 2:].min(0) == pytest.approx([-50, -30, -30, -30], rel=0.1)


def test_starts_repeat_by_seed(carm_from_ct, volumes):
    def poses(seed):
        config = MultistartConfig(seed=seed)
        return np.array(list(turned_starts(carm_from_ct, volumes.isocentre_m, config, 5)))

    assert np.array_equal(poses(1), poses(1))
    assert not np.array_equal(poses(1), poses(2))
