"""
Regression, then refinement by zero-mean NCC: the pose of a trained network, made better.

From T = f(I) (methods/regressor.py), gradients of ZNCC(I, DRR(T)), the correlation of the whole
images, lead to the nearest optimum, on binned images and then on finer ones.  The gradient descent
of the source is Levenberg-Marquardt here, so that what is compared is network and cost.  Scatter
and another bone contrast than the CT promises move the optimum of this cost by millimetres, in
depth most; that is the method's, and nothing local corrects it.

Source: Zhang et al., "A patient-specific self-supervised model for automatic X-ray/CT
registration", MICCAI 2023 (PSSS-reg); sizes and solver are our choice.
"""

from xray_registration.config import PyramidLevel
from xray_registration.methods.regressor import seen_pose
from xray_registration.objective import LevelObjective
from xray_registration.solvers.levenberg_marquardt import minimise

_LEVELS = (PyramidLevel(64, 2.8, 'global_ncc', 25), PyramidLevel(128, 2.8, 'global_ncc', 25))


def estimate(request):
    """Run the method on a Request; return an Estimate."""
    pose, steps = seen_pose(request), 0
    for level in _LEVELS:
        objective = LevelObjective(request.views, request.volumes, level, request.config)
        objective.focus(pose)
        solution = minimise(
            objective, pose, level.max_steps, objective.tolerance_m, request.interrupt
        )
        pose, steps = solution.state, steps + solution.steps
    return request.estimate_at(pose, solution.status, steps)
