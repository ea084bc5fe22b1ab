"""One row per trial of the gate: what came out, what was right, and what the verdict rests on."""

import json
import time
from functools import cache
from pathlib import Path

import numpy as np
from targets import CASES
from trust_trials import HOPELESS, trial

from surgical_perception.evaluation.metrics import camera_axes_error_mm, mtre_mm
from surgical_perception.evaluation.results import plain
from surgical_perception.geometry import se3
from xray_registration import covariance
from xray_registration.config import GateConfig, RegistrationConfig
from xray_registration.masks.automatic import with_masks
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.registration import register
from xray_registration.result import Verdict
from xray_registration.volume.attenuation import attenuation_from_ct

# A pose that is this wrong would mislead a surgeon, and one this good must not be refused.
WRONG_MM, RIGHT_MM = 5.0, 1.0

_GATE = GateConfig()


@cache
def _volumes(name):
    return VolumePyramid(attenuation_from_ct(CASES[name].ct))


def measured(seed, index, make=trial, gate=_GATE):
    """Run trial number `index` of a seed as a user would, and return its row."""
    asked = make(seed, index)
    config, volumes = RegistrationConfig(init=asked.init, gate=gate), _volumes(asked.ct)
    result = register(asked.views, volumes, asked.start, config)
    row = {
        'seed': seed,
        'index': index,
        'kind': asked.kind,
        'xray': asked.xray,
        'ct': asked.ct,
        'note': asked.note,
        'init': asked.init,
        'views': len(asked.views),
        'verdict': result.verdict.value,
        'reason': result.reason,
        'starts': result.starts,
        'time_s': result.time_s,
        'sigma_mm': result.sigma_mm,
        'evidence': None if result.evidence is None else result.evidence._asdict(),
        'observability': '' if result.observability is None else result.observability.text(),
    }
    truth = asked.reference_from_ct
    if truth is not None:
        row['mtre_mm'] = mtre_mm(result.reference_from_ct, truth, asked.points)
        row['axes_error_mm'] = camera_axes_error_mm(
            result.reference_from_ct, truth, volumes.isocentre_m, np.eye(4)
        )
        if result.verdict is not Verdict.REJECTED:
            row |= _uncertainty(asked, result, volumes, config)
    return plain(row)


def _uncertainty(asked, result, volumes, config):
    """Return the error as a twist [6], and the terms that its covariance is made of."""
    pose = se3.inverse(result.reference_from_ct)
    views, _ = with_masks(asked.views, config.masks)
    objective = LevelObjective(views, volumes, config.levels[-1], config)
    objective.focus(pose)
    model = objective.linearise(objective.evaluate(pose))
    about = np.eye(4)
    about[:3, 3] = volumes.isocentre_m
    off = se3.inverse(asked.reference_from_ct) @ result.reference_from_ct
    scatter, misfit = covariance.terms(model)
    return {
        'error_twist': se3.log(se3.inverse(about) @ off @ about),
        'scatter': scatter,
        'misfit': misfit,
    }


def is_right(row):
    """Whether the pose of a row is right; None between right and wrong."""
    if row['kind'] in HOPELESS:
        return False
    if RIGHT_MM <= row['mtre_mm'] <= WRONG_MM:
        return None
    return row['mtre_mm'] < RIGHT_MM


class Rows:
    """A JSON-lines file per seed: every row from the moment it exists, so runs resume."""

    def __init__(self, folder, make=trial, gate=_GATE):
        """Take where the files are, what makes a Trial of a seed and number, and the gate."""
        self._make, self._gate = make, gate
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)

    def read(self, seeds):
        """Return all rows of some seeds."""
        files = [self._file(seed) for seed in seeds]
        lines = [f.read_text('utf-8').splitlines() for f in files if f.exists()]
        return [json.loads(line) for part in lines for line in part]

    def run(self, seeds, count, shard, shards, seconds):
        """
        Measure what is missing of `count` trials spread over the seeds, for so many seconds.

        Only every `shards`-th trial from number `shard` on is this process's.  Yields the rows.
        """
        end = time.monotonic() + seconds
        done = {(row['seed'], row['index']) for row in self.read(seeds)}
        for number in range(shard, count, shards):
            index, place = divmod(number, len(seeds))
            if (seeds[place], index) in done:
                continue
            if time.monotonic() > end:
                return
            row = measured(seeds[place], index, self._make, self._gate)
            with self._file(seeds[place]).open('a', encoding='utf-8') as stream:
                stream.write(json.dumps(row) + '\n')
            yield row

    def _file(self, seed):
        return self._folder / f'trials_{seed}.jsonl'
