"""Linking of a synthetic scene, against its truth."""

import numpy as np
import pytest

from surg_invnerf.correspondence.dis import Dis
from surg_invnerf.correspondence.link import Linker
from surg_invnerf.observations import Observations
from surg_invnerf.observe import Observer
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig

FRAMES = 9
STEP_PX = 6  # a multiple of the grid on which correspondences are kept


@pytest.fixture(scope='module')
def judged():
    """Errors (px), confidences and gaps of correspondences that begin in frame 0."""
    clip = SyntheticClip(
        SceneConfig(seed=2, frames=FRAMES, width=192, height=160, tool_masks=True)
    )
    observer = Observer(clip.camera)
    observations = Observations(observer.camera)
    for stereo in clip.frames():
        observations.add(observer.observe(stereo).observation)
    Linker(Dis()).link(observations)
    queries = clip.truth.tissue_grid(0, STEP_PX, margin_px=STEP_PX)
    truth = clip.truth.track(queries)
    row_of = {(u, v): row for row, (u, v, _) in enumerate(queries)}
    errors, confidences, gaps = [], [], []
    for (source, target), pair in observations.pairs.items():
        if source != 0:
            continue
        for pixel, end, confidence in zip(pair.pixels, pair.targets, pair.confidence, strict=True):
            row = row_of.get(tuple(pixel))
            if row is not None:
                errors.append(np.linalg.norm(truth.uv[row, target] - end))
                confidences.append(confidence)
                gaps.append(pair.gap)
    return np.array(errors), np.array(confidences), np.array(gaps)


def test_correspondences_are_the_true_ones_at_every_gap(judged):
    errors, _, gaps = judged
    for gap in (1, 2, 4, 8):
        of_gap = errors[gaps == gap]
        assert len(of_gap) > 150
        assert np.median(of_gap) < 0.3
        assert np.mean(of_gap > 2) < 0.05


def test_confidence_is_the_share_within_a_pixel(judged):
    errors, confidences, _ = judged
    assert abs(confidences.mean() - np.mean(errors < 1)) < 0.03
    unsure = confidences < 0.9
    assert np.mean(errors[unsure] < 1) < np.mean(errors[~unsure] < 1)
