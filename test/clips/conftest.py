"""A small scene with its truth, rendered once, for every test of evaluation."""

import numpy as np
import pytest

from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.synthetic.write import write_folder


@pytest.fixture(scope='session')
def scene():
    config = SceneConfig(seed=1, frames=6, width=160, height=128, tool=False, poses=True)
    clip = SyntheticClip(config)
    rendered = list(clip.frames())
    clip.frames = lambda: iter(rendered)
    return clip


@pytest.fixture(scope='session')
def known(scene):
    """Return the truth of points that are asked for in frame 0 and in frame 3."""
    queries = np.concatenate([scene.truth.tissue_grid(0, 20), [[80.0, 64.0, 3.0]]])
    return queries, scene.truth.track(queries)


@pytest.fixture(scope='session')
def folder(scene, tmp_path_factory):
    """Return the scene as a folder of images."""
    path = tmp_path_factory.mktemp('scene') / 'clip'
    write_folder(scene, path)
    return path
