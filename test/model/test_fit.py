"""A whole fit on a sheet whose motion is known exactly, and what it leaves behind."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import waving_sheet

from surg_invnerf.fit.config import FIT_PRESETS, FitConfig
from surg_invnerf.fit.fit import fit
from surg_invnerf.fit.fitter import Fitter
from surg_invnerf.model import query
from surg_invnerf.model.config import ModelConfig
from surg_invnerf.model.tissue import TissueModel
from surg_invnerf.observations import Observations
from surgical_perception.errors import InputError

FRAMES = 8
CONFIG = FitConfig(steps=120, pairs_per_step=8, rays_per_pair=64)
MODEL = ModelConfig(resolutions=(8, 24), time_strides=(2, 1), field_resolutions=(24,))


@pytest.fixture(scope='module')
def observations():
    return waving_sheet.observe(FRAMES)


@pytest.fixture(scope='module')
def fitted(observations):
    return fit(observations, CONFIG, MODEL)


@pytest.fixture(scope='module')
def queries():
    v, u = np.mgrid[12:70:8, 12:86:8].reshape(2, -1)
    return np.stack([u, v, np.zeros_like(u)], 1).astype(float)


def errors_px(model, observations, queries):
    canonical = query.canonical_points(model, observations, queries).canonical
    xyz = query.positions(model, canonical, range(FRAMES))
    truth = waving_sheet.track(queries, range(FRAMES))
    found = query.project(observations.camera, xyz)
    return np.linalg.norm(found - observations.camera.left.project(truth), axis=-1)


def test_points_are_followed_far_better_than_by_standing_still(fitted, observations, queries):
    errors = errors_px(fitted.model, observations, queries)
    truth = observations.camera.left.project(waving_sheet.track(queries, range(FRAMES)))
    static = np.linalg.norm(truth - queries[:, None, :2], axis=-1)
    assert np.median(static[:, -1]) > 3.0
    assert np.median(errors[:, -1]) < 0.25 * np.median(static[:, -1])
    assert np.median(errors[:, 0]) < 0.2


def test_depth_is_that_of_the_sheet(fitted, observations, queries):
    points = query.canonical_points(fitted.model, observations, queries)
    truth = waving_sheet.track(queries, [0])[:, 0, 2]
    assert np.median(np.abs(points.depth_m - truth)) < 5e-4
    depth, opacity, spread = query.rendered_depth(fitted.model, observations, 3, queries[:, :2])
    truth = waving_sheet.track(queries + np.array([0, 0, 3]), [3])[:, 0, 2]
    assert np.median(np.abs(depth - truth)) < 5e-4
    assert np.median(opacity) > 0.5 and (spread > 0).all()


def test_a_fitted_mapping_still_inverts_exactly(fitted):
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(2000, 3, generator=generator) * 2 - 1
    slots = torch.randint(0, FRAMES, (2000,), generator=generator).float()
    mapping = fitted.model.mapping
    with torch.no_grad():
        error = (mapping.inverse(mapping(points, slots), slots) - points).abs().max()
    assert error < 1e-5


def test_the_history_says_what_happened(fitted):
    history = fitted.history
    assert len(history['loss']) <= CONFIG.steps
    assert history['loss'][-10:].mean() < 0.5 * history['loss'][:10].mean()
    assert (np.diff(history['stage']) >= 0).all() and history['stage'][0] == 0
    assert set(fitted.error_grids) == set(range(FRAMES))


def test_the_same_seed_gives_the_same_model(observations):
    short = dataclasses.replace(CONFIG, steps=6)
    first, second = (fit(observations, short, MODEL).history['loss'] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_cancelled_fit_keeps_what_it_has(observations):
    seen = []
    kept = fit(
        observations,
        CONFIG,
        MODEL,
        progress=lambda step, steps, report: seen.append((step, steps)),
        cancelled=lambda: len(seen) == 3,
    )
    assert seen == [(1, 120), (2, 120), (3, 120)]
    assert len(kept.history['loss']) == 3


def test_nothing_in_common_is_a_reason(observations):
    alone = Observations(observations.camera, frames=dict(observations.frames))
    with pytest.raises(InputError, match='no two frames have correspondences'):
        fit(alone, CONFIG, MODEL)


def test_no_stereo_at_all_is_a_reason(observations):
    blind = Observations(observations.camera)
    for frame in observations.frames.values():
        blind.add(dataclasses.replace(frame, sigma_m=np.full_like(frame.sigma_m, np.inf)))
    with pytest.raises(InputError, match='stereo measured no depth'):
        fit(blind, CONFIG, MODEL)


def test_a_saved_model_is_the_same_model(fitted, observations, queries, tmp_path):
    np.savez(tmp_path / 'model.npz', **fitted.model.to_arrays())
    with np.load(tmp_path / 'model.npz', allow_pickle=False) as arrays:
        again = TissueModel.from_arrays(arrays)
    before = query.canonical_points(fitted.model, observations, queries).canonical
    after = query.canonical_points(again, observations, queries).canonical
    np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(
        query.positions(again, after, [0, 5]), query.positions(fitted.model, before, [0, 5])
    )


def test_a_damaged_model_is_refused(fitted):
    arrays = fitted.model.to_arrays()
    del arrays['parameter/mapping.blocks.0.planes.flat']
    with pytest.raises(InputError, match='no saved model, or a damaged one'):
        TissueModel.from_arrays(arrays)


def test_a_header_that_asks_for_all_memory_is_refused(fitted):
    arrays = fitted.model.to_arrays()
    header = json.loads(str(arrays['header']))
    header['config']['resolutions'] = [8, 2_000_000]
    arrays['header'] = np.array(json.dumps(header))
    with pytest.raises(InputError, match='more cells than any model'):
        TissueModel.from_arrays(arrays)


def test_a_stream_grows_and_drops_frames_while_it_is_fitted(observations, queries):
    """Frames arrive one by one, the window moves on, and the newest is followed."""
    stream = Observations(observations.camera)
    stream.add(observations.frames[0])
    config = dataclasses.replace(FIT_PRESETS['online'], rays_per_pair=32)
    fitter = Fitter(stream, config, MODEL, capacity=6)
    canonical = None
    for index in range(1, FRAMES):
        pairs = [pair for key, pair in observations.pairs.items() if max(key) == index]
        stream.add(observations.frames[index])
        held = sorted(stream.frames)
        stream.retain(held[:1] + held[-5:])
        for pair in pairs:
            if {pair.source, pair.target} <= set(stream.frames):
                stream.pairs[pair.source, pair.target] = pair
        fitter.refresh()
        assert fitter.model.frames == sorted(stream.frames)
        for _ in range(12):
            assert fitter.step() is not None
        assert not fitter.done
    assert fitter.model.frames == [0, 3, 4, 5, 6, 7]
    canonical = query.canonical_points(fitter.model, stream, queries).canonical
    xyz = query.positions(fitter.model, canonical, [7])
    truth = observations.camera.left.project(waving_sheet.track(queries, [7]))
    error = np.linalg.norm(query.project(stream.camera, xyz) - truth, axis=-1)
    static = np.linalg.norm(truth[:, 0] - queries[:, :2], axis=-1)
    assert np.median(error) < 0.6 * np.median(static)


def test_the_full_preset_learns_the_light_of_each_frame(observations):
    """A frame at half the light is explained by its gain, not by darker tissue."""
    dim = Observations(observations.camera, pairs=dict(observations.pairs))
    for index, frame in observations.frames.items():
        image = frame.image // 2 if index == 3 else frame.image
        dim.add(dataclasses.replace(frame, image=image))
    model = dataclasses.replace(MODEL, frame_gain=True)
    gain = fit(dim, CONFIG, model).model.gain.logarithm.detach().exp().mean(1)
    assert gain[3] < 0.8 * gain[:3].mean()
