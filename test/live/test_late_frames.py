"""A frame that has no time for most points must not put them on other tissue."""

import numpy as np

from surg_invnerf.live.config import FitHostConfig, FlowConfig, LiveConfig
from surg_invnerf.live.pipeline import LivePipeline
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig

_LATE = (2, 3, 4)


def test_points_are_found_again_after_frames_without_time(monkeypatch):
    clip = SyntheticClip(SceneConfig(seed=1, frames=8, width=160, height=128, tool=False))
    # The first batch is followed in any case, and carries the others.
    flow, fit = FlowConfig(batch=20), FitHostConfig(host='off')
    config = LiveConfig(grid_points=80, deadline_s=60.0, flow=flow, fit=fit)
    with LivePipeline(clip.camera, config) as pipeline:
        advance = pipeline._tracker.advance

        def hurried(table, observation, deadline):
            return advance(table, observation, 0.0 if observation.index in _LATE else deadline)

        monkeypatch.setattr(pipeline._tracker, 'advance', hurried)
        results = [pipeline.process(frame) for frame in clip.frames()]
    assert [result.late > 30 for result in results] == [i in _LATE for i in range(len(clip))]
    first, last = results[0], results[-1]
    assert np.array_equal(first.ids, last.ids)
    seen = last.visible
    queries = np.column_stack([first.uv, np.zeros(len(first.ids))])[seen]
    truth = clip.truth.track(queries)
    error_px = np.linalg.norm(last.uv[seen] - truth.uv[:, -1], axis=1)
    lost_px = np.linalg.norm(truth.uv[:, _LATE[-1]] - truth.uv[:, _LATE[0] - 1], axis=1)
    assert seen.sum() > 40
    assert np.median(error_px) < np.median(lost_px) / 4
