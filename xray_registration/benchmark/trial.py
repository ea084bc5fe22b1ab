"""One method from one start on one case, measured against the truth."""

import time
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np

from surgical_perception.evaluation.metrics import (
    camera_axes_error_mm,
    depth_error_mm,
    in_plane_error_mm,
    mpe_mm,
    mtre_mm,
    rotation_error_deg,
)
from xray_registration.assembly import load_network
from xray_registration.benchmark.case_folder import read_case
from xray_registration.benchmark.records import NO_START, Record
from xray_registration.benchmark.rows import Row
from xray_registration.config import RegistrationConfig
from xray_registration.methods import METHODS
from xray_registration.pipeline import RegistrationPipeline
from xray_registration.presets import segmented_bone
from xray_registration.volume.loader import load_ct

# Published methods take up to half a minute on a GPU; on a busy machine more must not make a
# registration worse.
TIMEOUT_S = 300.0

_DIGITS = 12


class Task(NamedTuple):
    """
    What one trial is made of; small enough to be sent to another process or machine.

    folder, inputs  of the case, and the SHA-256 of its files
    case            its name
    ct_path         where the CT is
    start           number of the start, or NO_START
    """

    row: Row
    folder: Path
    inputs: str
    case: str
    ct_path: Path
    start: int

    @property
    def key(self):
        """The key of its Record."""
        return self.row.name, self.case, self.start

    def is_of(self, record):
        """Whether a Record of the same key is of the same case and weights."""
        return record.inputs == self.inputs[:_DIGITS] and record.weights == self._weights

    @property
    def _weights(self):
        return self.row.weights_sha256[:_DIGITS]


def run_trial(task):
    """
    Run a Task; return its Record.

    A method that refuses its input or breaks down counts, with infinite errors and its reason.
    """
    case, ct = _case(task.folder), load_cached(task.ct_path)
    truth, start, nan, inf = case.truth, None, float('nan'), float('inf')
    start_mtre_mm = nan
    if task.start != NO_START:
        start = truth.starts[task.start]
        start_mtre_mm = mtre_mm(start, truth.reference_from_ct, truth.points_m)
    pipeline = _pipeline(task.row, task.ct_path, config_of(task.row, truth))
    errors = dict.fromkeys(('mtre_mm', 'mpe_mm', 'rotation_deg', 'in_plane_mm', 'depth_mm'), inf)
    time_s, verdict, starts_used, text = nan, '', 0, ''
    began = time.perf_counter()
    try:
        result = pipeline.register(case.views, start)
    except Exception as error:  # whatever it is, the method has found no pose
        text = f'{type(error).__name__}: {error}'
    else:
        time_s, verdict = time.perf_counter() - began, result.verdict.name
        starts_used = result.starts
        errors = _errors(result.reference_from_ct, case, ct.isocentre_m)
    return Record(
        method=task.row.name,
        weights=task._weights,
        group=truth.group,
        case=task.case,
        inputs=task.inputs[:_DIGITS],
        start=task.start,
        start_mtre_mm=start_mtre_mm,
        **errors,
        time_s=time_s,
        verdict=verdict,
        starts_used=starts_used,
        error=text,
    )


def config_of(row, truth):
    """
    Return the RegistrationConfig of a Row for a case's Truth.

    Questions about the answer (mirrored? which shot would help?) are not asked, so that times are
    those of the registration.
    """
    base = segmented_bone() if truth.region == 'projection' else RegistrationConfig()
    box = base.multistart
    if row.compared.init == 'multistart':
        around = truth.start_range
        box = replace(
            box,
            rotation_deg=around.rotation_deg,
            in_plane_mm=around.in_plane_mm,
            depth_mm=around.depth_mm,
        )
    return replace(
        base,
        method=row.compared.method,
        init=row.compared.init,
        gate=replace(base.gate, test_mirrored=False, advise=False),
        multistart=box,
        masks=replace(base.masks, automatic=truth.automatic_masks),
        timeout_s=TIMEOUT_S,
    )


@lru_cache(maxsize=1)
def load_cached(ct_path):
    """Return the CtImage of a path; trials of one CT follow each other."""
    return load_ct(ct_path)


@lru_cache(maxsize=1)
def _case(folder):
    return read_case(folder)


@lru_cache(maxsize=1)
def _pipeline(row, ct_path, config):
    """Return a pipeline that is warm; trials of one row follow each other."""
    ct, kind = load_cached(ct_path), row.compared.kind
    networks = {kind: load_network(kind, row.weights, ct.sha256)} if kind else {}
    pipeline = RegistrationPipeline(ct, config, networks)
    pipeline.warm_up()
    import_module(f'xray_registration.methods.{METHODS[config.method].module}')
    return pipeline


def _errors(reference_from_ct, case, isocentre_m):
    truth, first = case.truth, case.views[0].camera_from_reference
    poses = reference_from_ct, truth.reference_from_ct
    axes = camera_axes_error_mm(*poses, isocentre_m, first)
    on_detectors = [
        mpe_mm(
            *poses,
            truth.points_m,
            view.camera,
            view.camera_from_reference,
            truth.sdd_mm / view.camera.fx,
        )
        for view in case.views
    ]
    return {
        'mtre_mm': mtre_mm(*poses, truth.points_m),
        'mpe_mm': float(np.mean(on_detectors)),
        'rotation_deg': rotation_error_deg(*poses),
        'in_plane_mm': in_plane_error_mm(axes),
        'depth_mm': depth_error_mm(axes),
    }
