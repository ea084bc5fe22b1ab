"""The CT as loaded: Hounsfield units on a grid in the `ct` frame."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CtImage:
    """
    A CT in Hounsfield units (or, where `is_hu` is False, in arbitrary linear units).

    hu              [Z, Y, X] int16 or float32
    ct_from_index   [4, 4] maps (x, y, z) voxel indices to DICOM LPS in metres; oblique and
                    flipped axes allowed
    labels          [Z, Y, X] unsigned integers on the same grid, or None
    sha256          of the file's bytes (of all slices in order, for a DICOM series)
    """

    hu: np.ndarray
    ct_from_index: np.ndarray
    path: str
    sha256: str
    labels: np.ndarray | None = None
    is_hu: bool = True

    @property
    def size(self):
        """Number of voxels along (x, y, z)."""
        return self.hu.shape[::-1]

    @property
    def spacing_m(self):
        """Voxel size along (x, y, z) in metres [3]."""
        return np.linalg.norm(self.ct_from_index[:3, :3], axis=0)

    @property
    def isocentre_m(self):
        """Centre of the grid in the `ct` frame [3]."""
        centre = (np.array(self.size, float) - 1) / 2
        return self.ct_from_index[:3, :3] @ centre + self.ct_from_index[:3, 3]
