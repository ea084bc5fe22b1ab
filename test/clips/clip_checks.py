"""What tests of clips and of their evaluation have in common."""

import clip_trees as trees
import numpy as np
import pytest

from surg_invnerf.clips import open_clip
from surgical_perception.errors import InputError


def assert_frames(clip, poses, tolerance=6):
    """The frames are the drawn ones, in order; codecs may change a grey level a little."""
    frames = list(clip.frames())
    assert [frame.index for frame in frames] == list(range(trees.FRAMES)) == list(range(len(clip)))
    for frame in frames:
        for eye in ('left', 'right'):
            pixels = getattr(frame, eye)
            assert pixels.shape == (trees.HEIGHT, trees.WIDTH, 3)
            assert pixels.dtype == np.uint8
            inner = pixels[6:-6, 6:-6].astype(float)
            expected = trees.picture(frame.index, eye)[6:-6, 6:-6]
            assert np.median(abs(inner - expected)) <= tolerance
        if poses:
            np.testing.assert_allclose(frame.world_from_camera, trees.pose(frame.index), atol=1e-9)
        else:
            assert frame.world_from_camera is None
    steps = np.diff([frame.stamp_ns for frame in frames])
    assert abs(steps - trees.PERIOD_NS).max() <= 1
    # Again from the start: a clip may be read twice.
    assert next(iter(clip.frames())).index == 0


def refusal(spec, calibration=None, read=False):
    with pytest.raises(InputError) as error:
        clip = open_clip(spec, calibration)
        if read:
            list(clip.frames())
    text = str(error.value)
    assert '\n' not in text
    return text


def write_truth(path, known, **changed):
    queries, tracks = known
    arrays = {
        'queries': queries,
        'uv': tracks.uv,
        'xyz_m': tracks.xyz_m,
        'visible': tracks.visible,
    } | changed
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path
