"""The optimiser of a fit, one step at a time."""

from dataclasses import dataclass

import numpy as np
import torch

from surg_invnerf.fit.objective import objective
from surg_invnerf.fit.ray_sampler import RaySampler
from surg_invnerf.fit.schedule import one_cycle
from surg_invnerf.fit.stages import CONVERGED_SHARE, MIN_PART, STAGES
from surg_invnerf.model.tissue import TissueModel
from surg_invnerf.model.workspace import MARGIN, ONLINE_MARGIN, workspace_around

_BETAS = (0.9, 0.99)
# The converged share is looked at this often: it costs as much as a tenth of a step.
_CHECK_STEPS = 10
_NEWEST = 4


@dataclass(frozen=True)
class StepReport:
    """What one step showed: loss, median reprojection error, converged share, stage."""

    loss: float
    reprojection_px: float
    converged_share: float
    stage: int


class Fitter:
    """
    Fits a TissueModel to Observations that may grow and shrink between steps.

    `model`, `sampler` (with its error grid), `done`.
    """

    def __init__(self, observations, config, model_config, device='cpu', model=None, capacity=0):
        self.observations, self.config = observations, config
        self._device = torch.device(device)
        torch.manual_seed(config.seed)
        self._generator = torch.Generator(self._device).manual_seed(config.seed)
        if model is None:
            margin = MARGIN if config.one_cycle else ONLINE_MARGIN
            model = TissueModel(
                model_config,
                observations.camera,
                workspace_around(observations, margin),
                self._poses(),
                observations.has_poses,
                capacity,
            )
        self.model = model.to(self._device)
        self.sampler = RaySampler(observations, config.seed)
        self.step_count, self.stage, self._stage_began = 0, 0, 0
        self._share = 0.0
        self._optimiser = torch.optim.Adam(self._groups(), betas=_BETAS, fused=True)
        self._rates = [group['lr'] for group in self._optimiser.param_groups]
        if not config.one_cycle:
            self.stage = len(STAGES) - 1
        self._begin_stage()

    @property
    def done(self):
        """Whether the last stage has ended; an online fit never ends."""
        return self.stage == len(STAGES)

    @property
    def error_grids(self):
        """{frame: [gh, gw]} reprojection error (px)."""
        return self.sampler.grid.error_px

    def refresh(self):
        """Take up what was added to the observations or retired from them."""
        moves = self.model.retime(self._poses())
        for parameter, move in moves:
            for name in ('exp_avg', 'exp_avg_sq'):
                state = self._optimiser.state.get(parameter, {})
                if name in state:
                    state[name] = move(state[name])
        self._optimiser.param_groups[-1]['params'] = list(self.model.poses.parameters())
        self.sampler.refresh()

    def step(self):
        """Do one step and return its StepReport; None where there is nothing to fit to."""
        config = self.config
        newest = () if config.one_cycle else sorted(self.observations.frames)[-_NEWEST:]
        batch = self.sampler.draw(
            config.pairs_per_step, config.rays_per_pair, newest, self._device
        )
        if batch is None:
            return None
        if config.one_cycle:
            factor = one_cycle(self._progress())
            for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
                group['lr'] = rate * factor
        self._optimiser.zero_grad()
        loss, errors_px = objective(self.model, batch, config, self._generator)
        loss.backward()
        self._optimiser.step()
        self.sampler.learn(batch, errors_px)
        self.step_count += 1
        report = StepReport(
            float(loss.detach()), float(errors_px.median()), self._share, self.stage
        )
        if self.step_count % _CHECK_STEPS == 0:
            self._share = self.sampler.converged_share(STAGES[self.stage].limit_px)
        if config.one_cycle:
            self._end_stages()
        return report

    def _progress(self):
        """Return how much of the schedule is done, in [0, 1]; an early end of a stage skips."""
        shares = [stage.share for stage in STAGES]
        inside = (self.step_count - self._stage_began) / self._stage_steps()
        return sum(shares[: self.stage]) + shares[self.stage] * min(inside, 1.0)

    def _stage_steps(self):
        return max(round(STAGES[self.stage].share * self.config.steps), 1)

    def _end_stages(self):
        taken = (self.step_count - self._stage_began) / self._stage_steps()
        converged = taken >= MIN_PART and self._share >= CONVERGED_SHARE
        if self.step_count >= self.config.steps:
            self.stage = len(STAGES)
        elif taken >= 1 or converged:
            self.stage, self._share = self.stage + 1, 0.0
            self._begin_stage()

    def _begin_stage(self):
        self._stage_began = self.step_count
        if not self.done:
            width = self.observations.camera.left.width
            self.sampler.begin(STAGES[self.stage].cell_for(width))

    def _poses(self):
        frames = self.observations.frames.values()
        return {frame.index: np.asarray(frame.world_from_camera) for frame in frames}

    def _groups(self):
        """Return the parameters with their learning rates: planes, networks, poses last."""
        planes, networks = [], []
        for name, parameter in self.model.named_parameters():
            if name.startswith('poses.'):
                continue
            (planes if name.endswith('.flat') else networks).append(parameter)
        config = self.config
        return [
            {'params': planes, 'lr': config.plane_rate},
            {'params': networks, 'lr': config.network_rate},
            {'params': list(self.model.poses.parameters()), 'lr': config.pose_rate},
        ]
