"""The folder that the authors' preprocessing writes, and what may be wrong with it."""

import json

import cv2
import numpy as np
import pytest
from warped_clip import frame

from surg_invnerf.correspondence.link import Linker
from surg_invnerf.correspondence.registry import make
from surg_invnerf.observations import Observations
from surgical_perception.errors import InputError

SIZE = (32, 48)
FRAMES = 6
GAPS = (1, 3)


def names(index):
    return f'{index:04d}'


def shift(source, target):
    return np.array([1.5, -0.5], np.float32) * (target - source)


@pytest.fixture
def folder(tmp_path):
    """A clip that moves by a constant shift; pixel (10, 20) is no cycle, (11, 20) is occluded."""
    for sub in ('color', 'RAFT/flows', 'RAFT/masks'):
        (tmp_path / sub).mkdir(parents=True)
    statistics = {}
    for a in range(FRAMES):
        cv2.imwrite(str(tmp_path / f'color/{names(a)}.png'), np.zeros((*SIZE, 3), np.uint8))
        for b in (a + sign * gap for gap in GAPS for sign in (-1, 1)):
            if not 0 <= b < FRAMES:
                continue
            pair = f'{names(a)}_{names(b)}'
            flow = np.broadcast_to(shift(a, b), (*SIZE, 2))
            np.save(tmp_path / f'RAFT/flows/{pair}.npy', flow)
            mask = np.zeros((*SIZE, 3), np.uint8)
            mask[..., 0] = 255
            mask[20, 10:12, 0] = 0
            mask[20, 12, 0] = 0
            mask[20, 12, 1] = 255
            cv2.imwrite(str(tmp_path / f'RAFT/masks/{pair}.png'), mask[..., ::-1])
            statistics.setdefault(names(a), {})[names(b)] = int(mask.sum() // 255)
    (tmp_path / 'RAFT/flow_stats.json').write_text(json.dumps(statistics))
    return tmp_path


def unlike_frames(size=SIZE):
    observations = Observations(None)
    random = np.random.default_rng(0)
    for index in range(FRAMES):
        # Texture that no other frame has: flows come from the folder alone.
        observations.add(frame(index, random.integers(0, 255, (*size, 3), np.uint8)))
    return observations


def test_gaps_are_those_of_the_folder(folder):
    assert make('precomputed', directory=folder).gaps == GAPS


def test_flows_are_read_and_masked(folder):
    frames = unlike_frames().frames
    match = make('precomputed', directory=folder).match(frames[1], frames[4])
    np.testing.assert_array_equal(match.flow[3, 5], shift(1, 4))
    assert match.error_px[5, 5] == 0
    assert np.isinf(match.error_px[20, 10:13]).all()


def test_occluded_pixels_may_count_as_the_least_sure(folder):
    frames = unlike_frames().frames
    provider = make('precomputed', directory=folder, occluded=True)
    error = provider.match(frames[1], frames[4]).error_px
    assert np.isinf(error[20, 10:12]).all()
    assert 2.99 < error[20, 12] < provider.max_error_px


def test_a_linker_takes_them(folder):
    observations = unlike_frames()
    Linker(make('precomputed', directory=folder)).link(observations)
    expected = {(a, a + gap) for gap in GAPS for a in range(FRAMES - gap)}
    assert set(observations.pairs) == expected | {(b, a) for a, b in expected}
    for pair in observations.pairs.values():
        moved = pair.targets - pair.pixels
        assert len(moved) > 100
        np.testing.assert_allclose(moved, moved * 0 + shift(pair.source, pair.target))
        assert not (pair.pixels == (10, 20)).all(1).any()


@pytest.mark.parametrize(
    ('missing', 'message'),
    [
        ('color', r'color is missing'),
        ('RAFT', r'holds flows of no method'),
        ('RAFT/masks', r'masks is missing'),
        ('RAFT/flow_stats.json', r'flow_stats\.json is missing'),
        ('RAFT/flows/0002_0003.npy', r'0002_0003\.npy is missing'),
        ('RAFT/masks/0004_0001.png', r'0004_0001\.png is missing'),
        ('color/0005.png', r'flow_stats\.json names 0005'),
    ],
)
def test_what_is_missing_is_named(folder, missing, message):
    (folder / missing).rename(folder / 'elsewhere')
    with pytest.raises(InputError, match=message):
        make('precomputed', directory=folder)


def test_a_method_that_is_not_there_is_refused(folder):
    with pytest.raises(InputError, match='holds flows of RAFT, asked for MFT'):
        make('precomputed', directory=folder, method='MFT')


@pytest.mark.parametrize('text', ['{', '[1, 2]', '{}'])
def test_unreadable_statistics_are_refused(folder, text):
    (folder / 'RAFT/flow_stats.json').write_text(text)
    with pytest.raises(InputError, match=r'flow_stats\.json'):
        make('precomputed', directory=folder)


def test_flows_of_another_size_are_refused(folder):
    frames = unlike_frames((16, 24)).frames
    with pytest.raises(InputError, match=r'0000_0001\.npy is \(32, 48, 2\).*\(16, 24, 2\)'):
        make('precomputed', directory=folder).match(frames[0], frames[1])


def test_a_flow_that_is_no_array_is_refused(folder):
    (folder / 'RAFT/flows/0000_0001.npy').write_bytes(b'text')
    frames = unlike_frames().frames
    with pytest.raises(InputError, match=r'0000_0001\.npy cannot be read'):
        make('precomputed', directory=folder).match(frames[0], frames[1])


def test_a_frame_beyond_the_folder_is_refused(folder):
    frames = unlike_frames().frames
    late = frame(FRAMES, frames[0].image)
    with pytest.raises(InputError, match='frame 6 has no flows: color/ holds 6 frames'):
        make('precomputed', directory=folder).match(late, frames[5])
