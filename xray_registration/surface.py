"""The bone surface of a CT as triangles, for RViz and for pictures."""

import cv2
import numpy as np
import pyvista as pv
from scipy.ndimage import gaussian_filter

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

# Finer voxels cost seconds and show noise; a rib is still several of these thick.
_VOXEL_MM = 2.0

# Takes noise and staircases off without closing joint gaps or thinning iliac wings.
_SMOOTHING_MM = 1.2

# Components with a smaller share of the largest one's triangles are noise and calcifications.
_MIN_COMPONENT = 0.01


def bone_surface(ct, threshold_hu=250, max_triangles=60000):
    """
    Extract the bone surface of a CtImage; return (vertices, triangles).

    vertices    [N, 3] float32, metres in the `ct` frame
    triangles   [M, 3] int32, counter-clockwise seen from outside: normals point out of the bone

    A CT that is not in HU is cut where Otsu's method divides its foreground.  Bone that reaches
    the CT's border is closed there.  Raises InputError where nothing lies above the threshold.
    """
    values, ct_from_coarse = _coarse(ct)
    spacing_mm = np.linalg.norm(ct_from_coarse[:3, :3], axis=0) * 1e3
    values = gaussian_filter(values, _SMOOTHING_MM / spacing_mm[::-1])
    threshold = threshold_hu if ct.is_hu else _otsu_threshold(values)
    values = np.pad(values, 1, constant_values=values.min())
    grid = pv.ImageData(dimensions=values.shape[::-1], origin=(-1, -1, -1))
    grid['value'] = values.ravel()
    mesh = grid.contour(
        [threshold], 'value', method='flying_edges', compute_normals=False, compute_scalars=False
    )
    if mesh.n_cells == 0:
        raise InputError(f'{ct.path}: has no surface at {threshold:g}: choose another threshold')
    mesh = _large_components(mesh)
    if mesh.n_cells > max_triangles:
        mesh = mesh.decimate(1 - max_triangles / mesh.n_cells)
    vertices = se3.apply(ct_from_coarse, np.asarray(mesh.points, float))
    triangles = mesh.regular_faces.astype(np.int32)
    # VTK winds them outwards in index coordinates; an affine that mirrors turns them inside out.
    if np.linalg.det(ct_from_coarse[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    return vertices.astype(np.float32), np.ascontiguousarray(triangles)


def _coarse(ct):
    """Return block means of about _VOXEL_MM [Z, Y, X] float32 and their affine."""
    factor = np.maximum(1, np.rint(_VOXEL_MM * 1e-3 / ct.spacing_m)).astype(int)
    factor = np.minimum(factor, ct.size)
    x, y, z = np.array(ct.size) // factor
    fx, fy, fz = factor
    blocks = ct.hu[: z * fz, : y * fy, : x * fx].reshape(z, fz, y, fy, x, fx)
    index_from_coarse = np.diag([*factor, 1.0])
    index_from_coarse[:3, 3] = (factor - 1) / 2  # the centre of a block
    return blocks.mean((1, 3, 5), dtype=np.float32), ct.ct_from_index @ index_from_coarse


def _otsu_threshold(values):
    """Return the value halfway between Otsu's two classes of voxels above the background."""
    low, high = float(values.min()), float(values.max())
    scale = 255 / max(high - low, 1e-6)
    grey = np.rint((values - low) * scale).astype(np.uint8)
    foreground = grey[grey > 0]
    if foreground.size == 0:
        return high
    # Any level between well separated classes divides them equally well, and OpenCV returns the
    # lowest: at the foot of the bone's edge.
    level, _ = cv2.threshold(foreground, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    darker, brighter = foreground[foreground <= level], foreground[foreground > level]
    if brighter.size == 0:
        return high
    return low + (darker.mean() + brighter.mean()) / 2 / scale


def _large_components(mesh):
    """Return the mesh without the components that are small against the largest one."""
    component = mesh.connectivity('all').cell_data['RegionId']
    count = np.bincount(component)
    kept = count[component] >= _MIN_COMPONENT * count.max()
    used, triangles = np.unique(mesh.regular_faces[kept], return_inverse=True)
    return pv.PolyData.from_regular_faces(mesh.points[used], triangles.reshape(-1, 3))
