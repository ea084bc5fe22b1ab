"""Queries from files and grids."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.camera import StereoCamera
from surg_invnerf.clips import queries
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera


class FakeClip(SimpleNamespace):
    """A clip of a size and a length."""

    def __len__(self):
        return self.frames


def clip(width=64, height=48, frames=5):
    camera = PinholeCamera(width, height, 60.0, 60.0, width / 2, height / 2)
    return FakeClip(camera=StereoCamera(camera, 0.005), frames=frames)


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_queries_are_read_in_order(tmp_path):
    path = write(tmp_path / 'q.json', [[1, 2, 0], [63.4, 47.4, 4], [-0.4, -0.5, 2]])
    assert queries.load_queries(path, clip()).tolist() == json.loads(path.read_text())


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        ([[1, 2, 0], [64, 2, 0]], 'query 1'),
        ([[1, 48, 0]], 'outside'),
        ([[-0.6, 2, 0]], 'outside'),
        ([[1, 2, 5]], 'frame'),
        ([[1, 2, -1]], 'frame'),
        ([[1, 2, 0.5]], 'frame'),
        ('[[1, 2, NaN]]', 'query 0'),
        ('[[NaN, 2, 0]]', 'query 0'),
        ([[1, 2]], r'\[\[u, v, frame\]'),
        ([], r'\[\[u, v, frame\]'),
        ({'a': 1}, 'q.json'),
        ([['a', 2, 0]], 'q.json'),
        ('[[1, 2, 0]', 'q.json'),
    ],
)
def test_queries_that_name_nothing_are_refused(tmp_path, content, reason):
    with pytest.raises(InputError, match=reason) as error:
        queries.load_queries(write(tmp_path / 'q.json', content), clip())
    assert 'q.json' in str(error.value)
    with pytest.raises(InputError, match='none'):
        queries.load_queries(tmp_path / 'none.json', clip())


@given(st.integers(20, 400), st.integers(20, 400), st.floats(1, 20))
def test_a_grid_is_regular_centred_and_inside(width, height, spacing):
    points = queries.grid(clip(width, height), spacing, frame=3)
    assert (points[:, 2] == 3).all()
    for axis, size in ((0, width), (1, height)):
        values = np.unique(points[:, axis])
        assert values[0] >= 0
        assert values[-1] <= size - 1
        assert abs(values[0] - (size - 1 - values[-1])) <= 1
        assert values.size == size // spacing
        if values.size > 1:
            assert abs(np.diff(values) - spacing).max() < 1


def test_a_grid_by_default_has_twenty_columns():
    points = queries.grid(clip(320, 256))
    assert np.unique(points[:, 0]).size == 20
    assert len(points) == 20 * 16
    for spacing in (0.5, 1e4, np.nan):
        with pytest.raises(InputError, match='spacing'):
            queries.grid(clip(), spacing)
    with pytest.raises(InputError, match='frame'):
        queries.grid(clip(), frame=5)
