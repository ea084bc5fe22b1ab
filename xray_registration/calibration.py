"""
What is estimated beside the pose where the C-arm's geometry is known only roughly.

Each further view may be moved against the first, and every view's source-detector distance may
differ, both held by Gaussian priors.  A view that moves alone has the six columns of the pose; a
longer SDD turns each ray about the source, so its column is a combination of the six, pixel by
pixel.

A prior needs the unit of the cost: a cost is kappa times a negative log likelihood, and kappa
follows from the covariance that the images give, whose product with the Hessian it is.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration import covariance
from xray_registration.config import CalibrationConfig
from xray_registration.similarity.linearisation import Linearisation
from xray_registration.solvers.levenberg_marquardt import minimise

_POSE = 6
# The sum has settled long before; more steps mean that a column is hardly held by anything.
_MAX_STEPS = 20


@dataclass(frozen=True)
class Calibration:
    """
    What a registration found about the C-arm's geometry.

    view_twists     [V, 6] twist (m, rad) about the isocentre in `ct` axes by which the CT stands
                    elsewhere in a view than the given geometry says; zero for the first view
    log_sdd         [V] logarithm of true SDD by given SDD
    """

    view_twists: np.ndarray
    log_sdd: np.ndarray
    isocentre_m: np.ndarray

    def corrected(self, views, reference_from_ct):
        """Return the Views with the camera and the place that this calibration gives them."""
        isocentre_m = se3.apply(reference_from_ct, self.isocentre_m)
        turn = np.eye(6)
        turn[:3, :3] = turn[3:, 3:] = reference_from_ct[:3, :3]
        return [
            replace(
                view,
                camera=_magnified(view.camera, log_sdd),
                camera_from_reference=view.camera_from_reference
                @ se3.inverse(se3.perturb(turn @ twist, np.eye(4), isocentre_m)),
            )
            for view, twist, log_sdd in zip(views, self.view_twists, self.log_sdd, strict=True)
        ]

    def text(self):
        """Return the corrections in words, one part per view."""
        parts = []
        for index, (twist, log_sdd) in enumerate(zip(self.view_twists, self.log_sdd, strict=True)):
            shift_mm = 1e3 * np.linalg.norm(twist[:3])
            turn_deg = np.rad2deg(np.linalg.norm(twist[3:]))
            parts.append(
                f'view {index + 1}: {shift_mm:.2f} mm, {turn_deg:.2f} deg, '
                f'SDD {100 * np.expm1(log_sdd):+.2f} %'
            )
        return '; '.join(parts)


class Setup(NamedTuple):
    """A pose [4, 4] with the geometry of the views, as the solver moves them."""

    ct_from_reference: np.ndarray
    view_twists: np.ndarray
    log_sdd: np.ndarray


class _Evaluated(NamedTuple):
    cost: float
    setup: Setup
    renderings: list


def corrected_views(views, result):
    """Return Views with the geometry that a Result found, or as they are where it sought none."""
    if result.calibration is None:
        return views
    return result.calibration.corrected(views, result.reference_from_ct)


def calibrated(request, estimate):
    """
    Refine an Estimate together with the C-arm's geometry, at the finest level.

    Returns (Estimate whose model is that of the pose alone, Calibration).
    """
    objective = request.levels[-1]
    kappa = _cost_unit(estimate.model)
    problem = _Problem(objective, request.isocentre_m, request.config.calibration, kappa)
    views = len(objective.terms)
    start = Setup(estimate.ct_from_reference, np.zeros((views, _POSE)), np.zeros(views))
    solution = minimise(problem, start, _MAX_STEPS, objective.tolerance_m, request.interrupt)
    setup = solution.state
    refined = estimate._replace(
        ct_from_reference=setup.ct_from_reference,
        model=problem.without_geometry(solution.model),
        status=solution.status,
        steps=estimate.steps + solution.steps,
    )
    return refined, Calibration(setup.view_twists, setup.log_sdd, request.isocentre_m)


class _Problem:
    """The cost of a level over pose and geometry."""

    def __init__(self, objective, isocentre_m, config: CalibrationConfig, kappa):
        self._objective, self._isocentre_m = objective, isocentre_m
        views = len(objective.terms)
        moving = range(1, views) if config.moves_views else ()
        self._twist_at = {view: _POSE * (n + 1) for n, view in enumerate(moving)}
        first = _POSE * (1 + len(moving))
        scaled = range(views) if config.sdd_percent else ()
        self._sdd_at = {view: first + n for n, view in enumerate(scaled)}
        self._size = first + len(scaled)
        twist_sigma = np.repeat(
            [1e-3 * config.view_translation_mm, np.deg2rad(config.view_rotation_deg)], 3
        )
        sigma = [twist_sigma] * len(moving) + [np.full(len(scaled), 1e-2 * config.sdd_percent)]
        self._prior = kappa / np.concatenate([np.full(_POSE, np.inf), *sigma]) ** 2
        self._kappa = kappa

    def moved(self, setup, xi):
        """Move pose and geometry by a step [N]."""
        twists, log_sdd = setup.view_twists.copy(), setup.log_sdd.copy()
        for view, at in self._twist_at.items():
            twists[view] += xi[at : at + _POSE]
        for view, at in self._sdd_at.items():
            log_sdd[view] += xi[at]
        pose = se3.perturb(xi[:_POSE], setup.ct_from_reference, self._isocentre_m)
        return Setup(pose, twists, log_sdd)

    def evaluate(self, setup):
        """Render every view where its own geometry puts it."""
        renderings, costs = [], []
        for view, term in enumerate(self._objective.terms):
            seen, moved = self._seen(view, setup)
            renderings.append(self._objective.render_term(seen, moved))
            costs.append(term.similarity.cost(renderings[-1].image[0]))
        prior = 0.5 * float(self._prior @ self._deviations(setup) ** 2)
        return _Evaluated(float(np.mean(costs)) + prior, setup, renderings)

    def _seen(self, view, setup):
        """Return (Term with its own SDD, ct_from_reference [4, 4]) of one view."""
        term = self._objective.terms[view]
        moved = se3.perturb(setup.view_twists[view], setup.ct_from_reference, self._isocentre_m)
        return term._replace(camera=_magnified(term.camera, setup.log_sdd[view])), moved

    def linearise(self, evaluated):
        """Return the Linearisation by all columns."""
        views = len(self._objective.terms)
        gradient, hessian = np.zeros(self._size), np.zeros((self._size, self._size))
        parts = []
        for view, rendering in enumerate(evaluated.renderings):
            seen, moved = self._seen(view, evaluated.setup)
            carm_from_ct = seen.camera_from_reference @ se3.inverse(moved)
            columns = self._columns(view, seen, carm_from_ct, rendering.jacobian[0])
            model = seen.similarity.linearise(rendering.image[0], columns)
            places = self._places(view)
            gradient += places.T @ model.gradient / views
            hessian += places.T @ model.hessian @ places / views
            parts.append(model.gradient_parts @ places / views)
        gradient += self._prior * self._deviations(evaluated.setup)
        hessian += np.diag(self._prior)
        return Linearisation(evaluated.cost, gradient, hessian, np.concatenate(parts))

    def without_geometry(self, model):
        """
        Return the Linearisation [6] of the pose, its geometry being what fits best with it.

        The priors' share in the scatter stands as pairs of opposite parts, which leave the mean
        of the parts as it is.
        """
        rest = slice(_POSE, None)
        gain = np.linalg.solve(model.hessian[rest, rest], model.hessian[rest, :_POSE])
        prior_parts = np.diag(np.sqrt(self._kappa * self._prior[rest] / 2))
        images = model.gradient_parts[:, :_POSE] - model.gradient_parts[:, rest] @ gain
        priors = prior_parts @ gain
        return Linearisation(
            model.cost,
            model.gradient[:_POSE] - model.gradient[rest] @ gain,
            model.hessian[:_POSE, :_POSE] - model.hessian[:_POSE, rest] @ gain,
            np.concatenate([images, priors, -priors]),
        )

    def _deviations(self, setup):
        """Return [N] what the priors pull to zero."""
        values = np.zeros(self._size)
        for view, at in self._twist_at.items():
            values[at : at + _POSE] = setup.view_twists[view]
        for view, at in self._sdd_at.items():
            values[at] = setup.log_sdd[view]
        return values

    def _columns(self, view, seen, carm_from_ct, jacobian):
        """Return the Jacobian [H, W, 6 or 7] of one view: pose, then log SDD."""
        if view not in self._sdd_at:
            return jacobian
        turns = _turns_by_log_sdd(seen.camera)
        ct_from_carm = se3.inverse(carm_from_ct)
        omega = turns @ ct_from_carm[:3, :3].T
        velocity = np.cross(omega, self._isocentre_m - ct_from_carm[:3, 3])
        twist = np.concatenate([velocity, omega], -1).astype(np.float32)
        return np.concatenate([jacobian, (jacobian * twist).sum(-1, keepdims=True)], -1)

    def _places(self, view):
        """Return [6 or 7, N]: where the columns of one view stand among all."""
        rows = _POSE + (view in self._sdd_at)
        places = np.zeros((rows, self._size))
        places[:_POSE, :_POSE] = np.eye(_POSE)
        if view in self._twist_at:
            at = self._twist_at[view]
            places[:_POSE, at : at + _POSE] = np.eye(_POSE)
        if view in self._sdd_at:
            places[_POSE, self._sdd_at[view]] = 1
        return places


def _turns_by_log_sdd(camera):
    """Return [H, W, 3] by what each ray turns about the source, per log SDD, in camera axes."""
    a = (np.arange(camera.width) - camera.cx) / camera.fx
    b = ((np.arange(camera.height) - camera.cy) / camera.fy)[:, None]
    # d = (a, b, 1) changes by (-a, -b, 0); the turn is their cross product by |d|^2.
    turns = np.stack(np.broadcast_arrays(b, -a, 0.0), -1)
    return turns / (a * a + b * b + 1.0)[..., None]


def _magnified(camera, log_sdd):
    factor = float(np.exp(log_sdd))
    return replace(camera, fx=camera.fx * factor, fy=camera.fy * factor)


def _cost_unit(model):
    """Return the cost of one unit of log likelihood."""
    return float(np.trace(model.hessian @ covariance.twist_covariance(model))) / _POSE
