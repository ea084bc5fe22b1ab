"""A small CT with bones of no symmetry, as a NIfTI file."""

import nibabel
import numpy as np

SIZE, SPACING_MM = 64, 3.0


def write_small_ct(path):
    """Write the CT (64 x 64 x 64 at 3 mm) and return its path."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*[np.arange(SIZE)] * 3, indexing='ij'), -1).astype(float)
    hu = np.full((SIZE,) * 3, -1000.0)
    hu[(((grid - (SIZE - 1) / 2) / [28, 22, 30]) ** 2).sum(-1) < 1] = 20
    for _ in range(14):
        middle, axes = rng.uniform(14, 50, 3), rng.uniform(2, 9, 3)
        hu[(((grid - middle) / axes) ** 2).sum(-1) < 1] = rng.uniform(500, 1200)
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    affine[:3, 3] = [-100, -80, 40]
    nibabel.save(nibabel.Nifti1Image(hu.astype(np.int16), affine), path)
    return path
