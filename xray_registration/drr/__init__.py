"""
Digitally reconstructed radiographs (DRRs) and their exact pose Jacobians.

One function, `render`, over backends that agree within stated tolerances: `torch` (the
reference), `numba` (fused, CPU), `triton` (fused, CUDA).
"""

from xray_registration.drr.render import BACKENDS, JACOBIANS, Rendering, render

__all__ = ['BACKENDS', 'JACOBIANS', 'Rendering', 'render']
