"""
Similarities as least squares on the sphere.

Each location of an image is encoded as a unit vector Phi; the cost is the mean over locations of
1/2 |Phi_moving - Phi_fixed|^2, which equals 1 - Phi_moving . Phi_fixed on the sphere.  With
mean-removed, unit-norm patches as the encoding, that is 1 - NCC, and needs no training.
Source: Chen and Kong, WACV 2026 (the sphere); the untrained encoding is ours.
"""

from xray_registration.similarity.global_ncc import GlobalNcc
from xray_registration.similarity.gradient_ncc import GradientNcc
from xray_registration.similarity.local_ncc import LocalNcc

SIMILARITIES = {'global_ncc': GlobalNcc, 'local_ncc': LocalNcc, 'gradient_ncc': GradientNcc}

__all__ = ['SIMILARITIES', 'GlobalNcc', 'GradientNcc', 'LocalNcc']
