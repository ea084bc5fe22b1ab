"""A whole fit of a clip."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.fit.config import FitConfig
from surg_invnerf.fit.fitter import Fitter
from surg_invnerf.model.config import ModelConfig
from surg_invnerf.model.tissue import TissueModel
from surgical_perception.errors import InputError


@dataclass(frozen=True)
class Fit:
    """
    A fitted model and how it came about.

    history         {'loss', 'reprojection_px', 'converged_share', 'stage'}: [steps]
    error_grids     {frame: [gh, gw]} reprojection error (px) at the end
    cell_px         side of their cells
    """

    model: TissueModel
    history: dict
    error_grids: dict
    cell_px: int


def fit(
    observations,
    config=None,
    model_config=None,
    device='cpu',
    model=None,
    progress=None,
    cancelled=None,
):
    """
    Fit a model to observations until it has converged or its steps are done.

    progress(step, steps, StepReport) is called after each step; where cancelled() becomes true
    the fit ends with what it has.  Raises InputError where there is nothing to fit to.
    """
    config = config or FitConfig()
    fitter = Fitter(observations, config, model_config or ModelConfig(), device, model)
    reports = []
    while not fitter.done and not (cancelled and cancelled()):
        report = fitter.step()
        if report is None:
            raise InputError(
                'no two frames have correspondences: is the clip sharp, moving slowly enough, '
                'and not all tool or glare?'
            )
        reports.append(report)
        if progress:
            progress(fitter.step_count, config.steps, report)
    names = ('loss', 'reprojection_px', 'converged_share', 'stage')
    history = {name: np.array([getattr(r, name) for r in reports]) for name in names}
    return Fit(fitter.model, history, fitter.error_grids, fitter.sampler.grid.cell_px)
