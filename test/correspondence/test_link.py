"""Linking of frames whose correspondences are known."""

import numpy as np
import pytest
from warped_clip import HEIGHT, WIDTH, WarpedClip, frame

from surg_invnerf.correspondence.dis import Dis
from surg_invnerf.correspondence.link import LinkConfig, Linker
from surg_invnerf.observations import Observations

FRAMES = 12


@pytest.fixture(scope='module')
def clip():
    return WarpedClip(FRAMES)


@pytest.fixture(scope='module')
def linked(clip):
    observations = clip.observations()
    Linker(Dis()).link(observations)
    return observations


def test_every_gap_is_linked_both_ways(linked):
    gaps = [1, 2, 4, 8]
    expected = {(i, i + gap) for gap in gaps for i in range(FRAMES - gap)}
    assert set(linked.pairs) == expected | {(b, a) for a, b in expected}


def test_targets_are_the_true_ones(clip, linked):
    for (source, target), pair in linked.pairs.items():
        error = np.linalg.norm(pair.targets - clip.targets(source, target, pair.pixels), axis=1)
        assert np.median(error) < 0.1
        assert np.mean(error > 1) < 0.01


def test_most_pixels_that_stay_in_view_are_linked(clip, linked):
    pair = linked.pairs[0, 8]
    grid = np.stack(np.meshgrid(np.arange(0, WIDTH, 2), np.arange(0, HEIGHT, 2)), -1)
    there = clip.targets(0, 8, grid.reshape(-1, 2))
    stay = ((there >= 0) & (there <= (WIDTH - 1, HEIGHT - 1))).all(1)
    assert len(pair.pixels) > 0.9 * stay.sum()


def test_lists_are_sparse_and_of_single_precision(linked):
    for pair in linked.pairs.values():
        assert len(pair.pixels) == len(pair.targets) == len(pair.confidence)
        assert pair.pixels.dtype == pair.targets.dtype == pair.confidence.dtype == np.float32
        assert (pair.pixels % 2 == 0).all()
        assert ((pair.confidence > 0) & (pair.confidence <= 1)).all()


def test_masked_pixels_are_neither_sources_nor_targets(clip):
    observations = clip.observations()
    usable = np.ones((HEIGHT, WIDTH), bool)
    usable[40:80, 50:100] = False
    for index in (3, 4):
        observations.frames[index] = frame(index, clip.image(index), usable)
    Linker(Dis()).link(observations)
    for pair in observations.pairs.values():
        for index, pixels in ((pair.source, pair.pixels), (pair.target, pair.targets)):
            columns, rows = np.rint(pixels).astype(int).T
            assert observations.frames[index].usable[rows, columns].all()


def test_frame_by_frame_is_the_same_as_the_whole_clip(clip, linked):
    observations = clip.observations()
    frames, observations.frames = observations.frames, {}
    linker = Linker(Dis())
    for index, each in frames.items():
        observations.add(each)
        observations.add(each, linker.new_pairs(observations, index))
    assert observations.pairs.keys() == linked.pairs.keys()
    for key, pair in observations.pairs.items():
        np.testing.assert_array_equal(pair.targets, linked.pairs[key].targets)


def test_partners_bound_the_cost_of_a_frame(clip):
    observations = clip.observations()
    pairs = Linker(Dis()).new_pairs(observations, FRAMES - 1, partners=[9, 3])
    assert {(p.source, p.target) for p in pairs} == {(11, 9), (9, 11), (11, 3), (3, 11)}


def test_frames_beyond_the_gaps_are_linked_by_keypoints(clip):
    observations = clip.observations()
    Linker(Dis(), LinkConfig(gaps=(1, 2), keyframes=1)).link(observations)
    far = [pair for pair in observations.pairs.values() if pair.gap > 2]
    assert len(far) == 2 * (FRAMES - 3)
    found = 0
    for pair in far:
        error = np.linalg.norm(
            pair.targets - clip.targets(pair.source, pair.target, pair.pixels), axis=1
        )
        assert np.median(error) < 0.3
        assert (error < 3).all()
        found += len(error)
    assert found > 50 * len(far)


def test_refused_frames_in_between_do_not_end_the_links(clip):
    observations = clip.observations()
    for index in (4, 5, 6):
        del observations.frames[index]
    Linker(Dis()).link(observations)
    assert len(observations.pairs[7, 3].pixels) > 1000


def test_where_nothing_can_be_seen_nothing_is_believed():
    observations = Observations(None)
    for index in range(3):
        observations.add(frame(index, np.full((HEIGHT, WIDTH, 3), 120, np.uint8)))
    Linker(Dis()).link(observations)
    assert not observations.pairs
