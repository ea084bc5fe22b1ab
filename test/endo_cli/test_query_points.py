"""Points to be tracked: what is refused, the grid, and pixels of other image sizes."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.observations import FrameObservation, Observations
from surg_invnerf.tracks.query_points import (
    checked_queries,
    load_queries,
    query_grid,
    transferred,
)
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera

CAMERA = PinholeCamera(64, 48, 60.0, 60.0, 32.5, 23.0)
pixel = st.floats(-0.5, 63.0)


@pytest.mark.parametrize(
    ('query', 'said'),
    [
        ([64.0, 3, 0], 'outside the 64x48 image'),
        ([3, -0.6, 0], 'outside'),
        ([3, np.nan, 0], 'no finite number'),
        ([3, 3, 5], 'names no frame of the clip, 0 to 4'),
        ([3, 3, 1.5], 'names no frame'),
    ],
)
def test_a_bad_query_is_named(query, said):
    with pytest.raises(InputError, match=rf'query 1, .*{said}'):
        checked_queries([[1, 2, 0], query], CAMERA, frames=5)


@pytest.mark.parametrize('queries', [[], [[1, 2]], [1, 2, 0], [[[1, 2, 0]]]])
def test_queries_of_another_shape_are_refused(queries):
    with pytest.raises(InputError, match='shape'):
        checked_queries(np.array(queries, float), CAMERA, frames=5)


@pytest.mark.parametrize(
    'text', ['{', '[]', '[[1, 2]]', '{"u": 1}', '[[1, 2, "x"]]', '[[1, 2, 3], [1]]', '"text"']
)
def test_a_bad_query_file_is_named(tmp_path, text):
    path = tmp_path / 'queries.json'
    path.write_text(text)
    with pytest.raises(InputError, match=r'queries\.json'):
        load_queries(path)


def test_a_query_file_is_read_in_its_order(tmp_path):
    queries = [[3.25, 4, 2], [1, 2, 0]]
    path = tmp_path / 'queries.json'
    path.write_text(json.dumps(queries))
    assert load_queries(path).tolist() == queries
    with pytest.raises(InputError, match=r'none\.json'):
        load_queries(tmp_path / 'none.json')


def observations(usable):
    ones = np.ones((48, 64), np.float32)
    image = np.zeros((48, 64, 3), np.uint8)
    frame = FrameObservation(2, 0, image, ones, ones, usable, None, np.eye(4))
    return Observations(None, frames={2: frame})


def test_the_grid_lies_on_usable_pixels_of_the_first_frame():
    usable = np.ones((48, 64), bool)
    usable[:, 32:] = False
    grid = query_grid(observations(usable), 200)
    assert 85 < len(grid) < 115  # half of 200
    assert (grid[:, 0] < 32).all()
    assert (grid[:, 2] == 2).all()
    assert len(np.unique(grid, axis=0)) == len(grid)
    with pytest.raises(InputError, match='frame 2 shows no tissue'):
        query_grid(observations(usable & False), 200)


@given(u=pixel, v=pixel, factor=st.sampled_from([1, 2]))
def test_pixels_of_another_size_see_the_same_ray(u, v, factor):
    """Binned and cropped, a camera sees the same ray; there and back is the pixel itself."""
    other = CAMERA.binned(factor).cropped(3, 1, 16, 16)
    moved = transferred(np.array([u, v, 7.0]), CAMERA, other)
    assert moved[2] == 7.0
    for camera, at in ((CAMERA, (u, v)), (other, moved[:2])):
        ray = [(at[0] - camera.cx) / camera.fx, (at[1] - camera.cy) / camera.fy]
        np.testing.assert_allclose(
            ray, [(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy], atol=1e-12
        )
    np.testing.assert_allclose(transferred(moved, other, CAMERA), [u, v, 7.0], atol=1e-9)
