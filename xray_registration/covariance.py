"""
The uncertainty of a registered pose, from the images that determined it.

s^2 H^-1 would take every pixel for an independent measurement; local windows overlap and model
error is correlated over anatomy, so it is too small.  The sandwich H^-1 G H^-1 estimates the
scatter G of the gradient from separate image blocks instead (cluster-robust covariance; Liang and
Zeger 1986).  It sees what varies from block to block.  Scatter, blur and a wrong contrast shift
all blocks alike, the more the worse the images match, so a second term grows with the residual
and does not shrink with the number of pixels: cost^2 H^-1.
"""

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.solvers.levenberg_marquardt import is_ill_conditioned

# Factors on the standard deviations of the two terms: nearly the smallest with which 95 %
# ellipsoids hold 92 % of the truths or more on each of three CTs and on every kind of X-ray:
# frontal, lateral, two views, full dose, low dose with blur (benchmarks/calibration.py, tuning
# seeds).  X-rays from nearly the front at full dose would do with 1.6 and 0.025; from the side and
# at low dose those held 63 % to 83 %.
SCATTER = 2.0
MISFIT = 0.05

# Stands for "not known" where a direction leaves no trace: a kilometre, a thousand turns.  A
# pseudo-inverse would call such a direction certain.
UNKNOWN_VARIANCE = 1e6


def twist_covariance(model):
    """Return the covariance [6, 6] of the twist about the isocentre in `ct` axes (m, rad)."""
    if is_ill_conditioned(model.hessian):
        return UNKNOWN_VARIANCE * np.eye(6)
    return combined(*terms(model))


def terms(model):
    """Return the two terms [6, 6] of the covariance before calibration: scatter and misfit."""
    parts = model.gradient_parts
    parts = parts[np.abs(parts).any(1)]
    centred = parts - parts.mean(0)
    # Six parameters were fitted to these blocks, so their scatter looks smaller than it is.
    scatter = centred.T @ centred * len(parts) / max(len(parts) - 6, 1)
    # Metres and radians differ by orders of magnitude: invert the column-scaled system.
    scale = np.sqrt(np.diag(model.hessian))
    inverse = np.linalg.inv(model.hessian / np.outer(scale, scale)) / np.outer(scale, scale)
    return inverse @ scatter @ inverse, model.cost**2 * inverse


def combined(scatter, misfit):
    """Return the calibrated covariance [6, 6] of its two terms."""
    covariance = SCATTER**2 * scatter + MISFIT**2 * misfit
    return 0.5 * (covariance + covariance.T)


def is_known(twist_cov):
    """Whether a twist covariance [6, 6] says anything about the pose."""
    return float(np.max(twist_cov)) < UNKNOWN_VARIANCE


def pose_covariance(twist_cov, reference_from_ct, isocentre_m):
    """
    Convert a twist covariance to that of geometry_msgs/PoseWithCovariance [6, 6].

    A twist (v, omega) moves the ct origin by v - omega x c and turns by omega, in ct axes; the
    message has both in the axes of the reference frame.
    """
    rotation = reference_from_ct[:3, :3]
    jacobian = np.zeros((6, 6))
    jacobian[:3, :3] = jacobian[3:, 3:] = rotation
    jacobian[:3, 3:] = rotation @ se3.hat(isocentre_m)
    return jacobian @ twist_cov @ jacobian.T


def sigma_along_axes_mm(twist_cov, carm_from_ct):
    """Return the isocentre's standard deviation [3] in mm along right, down and depth."""
    rotation = carm_from_ct[:3, :3]
    return 1e3 * np.sqrt(np.maximum(np.diag(rotation @ twist_cov[:3, :3] @ rotation.T), 0))
