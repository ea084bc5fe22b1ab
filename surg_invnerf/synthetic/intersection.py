"""
Which material point a pixel sees: a z-buffer over a fine mesh of the sheet, then Newton steps.

The mesh finds the front surface, folds included; Newton's method on the analytic sheet then makes
the point exact.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from surg_invnerf.synthetic.sheet import evaluate

# Cells of the mesh: their sagitta over the sharpest fold is a few hundredths of a millimetre,
# a tenth of a pixel, from where Newton converges.
_CELL_M = 0.0007
# Cells with which the part in view is found, in an image that is this much wider.
_COARSE_CELL_M, _BORDER = 0.004, 0.6
# Nothing nearer is rendered: what lies behind the camera would fold over in projection.
_NEAREST_M = 0.01
_NEWTON_STEPS = 5
# Of the image plane's unit: 1e-10 is a ten-millionth of a pixel.
_CONVERGED = 1e-10
# Newton may refine a mesh point, but not run to another fold.
_FARTHEST_STEP_M = 2 * _CELL_M


@dataclass(frozen=True)
class MaterialMap:
    """
    What the pixels of one eye see, tissue only.

    material    [H, W, 2] (m) material points, NaN beyond the sheet
    depth_m     [H, W]
    """

    material: np.ndarray
    depth_m: np.ndarray


def mesh_material(sheet, camera, half_size_m):
    """
    Return the material points [H, W, 2] (m) that a mesh of the sheet shows, NaN beyond it.

    The sheet is given in the camera's frame; `camera` is a PinholeCamera, `half_size_m` (x, y)
    the extent of the sheet.
    """
    half_size_m = np.asarray(half_size_m)
    low, high = _part_in_view(sheet, camera, half_size_m)
    grid = _grid(low, high, _CELL_M)
    corners = sheet.positions(grid.reshape(-1, 2)).reshape(*grid.shape[:2], 3)
    material = np.full((camera.height, camera.width, 2), np.nan)
    inverse_depth = np.zeros((camera.height, camera.width))
    _rasterise(grid, corners, *_intrinsics(camera), material, inverse_depth)
    return material


def _part_in_view(sheet, camera, half_size_m):
    """Return the corners (low, high) [2] (m) of a rectangle of material that fills the image."""
    grid = _grid(-half_size_m, half_size_m, _COARSE_CELL_M).reshape(-1, 2)
    points = sheet.positions(grid)
    size = np.array([camera.width, camera.height])
    uv = camera.project(np.maximum(points, [-np.inf, -np.inf, _NEAREST_M]))
    seen = grid[(np.abs(uv - size / 2) < _BORDER * size).all(-1)]
    if not len(seen):
        return -half_size_m, half_size_m
    margin = 2 * _COARSE_CELL_M
    return (
        np.maximum(seen.min(0) - margin, -half_size_m),
        np.minimum(seen.max(0) + margin, half_size_m),
    )


def _grid(low, high, cell_m):
    """Return a regular grid [rows, columns, 2] of material points."""
    axes = [
        np.linspace(a, b, 1 + int(np.ceil((b - a) / cell_m)))
        for a, b in zip(low, high, strict=True)
    ]
    return np.stack(np.meshgrid(*axes), -1)


def render_material(sheet, camera, half_size_m):
    """Return the MaterialMap of a sheet; arguments as for `mesh_material`."""
    material = mesh_material(sheet, camera, half_size_m)
    depth_m = np.full(material.shape[:2], np.nan)
    surface = (sheet.affine, sheet.amplitudes, sheet.functions)
    _refine(material, depth_m, *_intrinsics(camera), *surface)
    return MaterialMap(material, depth_m)


def front_material(sheet, camera, mesh, uv):
    """
    Return material points [N, 2] of the tissue in front at pixels uv [N, 2], not all integers.

    `mesh` is the `mesh_material` of the sheet, whose pixels around each uv are the starts of
    Newton's method; the nearest of their solutions counts.  NaN where the image shows no tissue.
    """
    uv = np.ascontiguousarray(uv, float)
    out = np.full((len(uv), 2), np.nan)
    surface = (sheet.affine, sheet.amplitudes, sheet.functions)
    _front(uv, mesh, *_intrinsics(camera), *surface, out)
    return out


def _intrinsics(camera):
    return camera.fx, camera.fy, camera.cx, camera.cy


@njit(cache=True, error_model='numpy', nogil=True)
def _rasterise(grid, corners, fx, fy, cx, cy, material, inverse_depth):
    rows, columns = grid.shape[:2]
    u, v = np.empty((rows, columns)), np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            z = max(corners[i, j, 2], _NEAREST_M)
            u[i, j] = fx * corners[i, j, 0] / z + cx
            v[i, j] = fy * corners[i, j, 1] / z + cy
    for i in range(rows - 1):
        for j in range(columns - 1):
            _triangle(i, j, i, j + 1, i + 1, j, u, v, corners, grid, material, inverse_depth)
            _triangle(
                i + 1, j + 1, i + 1, j, i, j + 1, u, v, corners, grid, material, inverse_depth
            )


@njit(cache=True, error_model='numpy', nogil=True)
def _triangle(i0, j0, i1, j1, i2, j2, u, v, corners, grid, material, inverse_depth):
    """Write a triangle into the z-buffer; 1/z is affine over the image."""
    height, width = inverse_depth.shape
    z0, z1, z2 = corners[i0, j0, 2], corners[i1, j1, 2], corners[i2, j2, 2]
    if min(z0, z1, z2) <= _NEAREST_M:
        return
    u0, u1, u2 = u[i0, j0], u[i1, j1], u[i2, j2]
    v0, v1, v2 = v[i0, j0], v[i1, j1], v[i2, j2]
    first_u = max(int(np.ceil(min(u0, u1, u2))), 0)
    last_u = min(int(np.floor(max(u0, u1, u2))), width - 1)
    first_v = max(int(np.ceil(min(v0, v1, v2))), 0)
    last_v = min(int(np.floor(max(v0, v1, v2))), height - 1)
    area = (u1 - u0) * (v2 - v0) - (u2 - u0) * (v1 - v0)
    if first_u > last_u or first_v > last_v or area == 0:
        return
    for row in range(first_v, last_v + 1):
        for column in range(first_u, last_u + 1):
            w1 = ((column - u0) * (v2 - v0) - (u2 - u0) * (row - v0)) / area
            w2 = ((u1 - u0) * (row - v0) - (column - u0) * (v1 - v0)) / area
            w0 = 1 - w1 - w2
            if w0 < 0 or w1 < 0 or w2 < 0:
                continue
            near = w0 / z0 + w1 / z1 + w2 / z2
            if near > inverse_depth[row, column]:
                inverse_depth[row, column] = near
                for axis in range(2):
                    material[row, column, axis] = (
                        w0 / z0 * grid[i0, j0, axis]
                        + w1 / z1 * grid[i1, j1, axis]
                        + w2 / z2 * grid[i2, j2, axis]
                    ) / near


@njit(cache=True, error_model='numpy', nogil=True)
def _newton(x, y, slope_u, slope_v, affine, amplitudes, functions, work):
    """
    Solve X/Z = slope_u, Y/Z = slope_v for a material point near (x, y).

    Returns (x, y, depth, whether it converged); the start and its depth where it did not, which
    happens where a ray grazes the edge of a fold.
    """
    start_x, start_y = x, y
    evaluate(x, y, affine, amplitudes, functions, work)
    start_depth = work[2, 0]
    for _ in range(_NEWTON_STEPS):
        z = work[2, 0]
        error_u = work[0, 0] - slope_u * z
        error_v = work[1, 0] - slope_v * z
        if abs(error_u) + abs(error_v) < _CONVERGED * z:
            return x, y, z, True
        a, b = work[0, 1] - slope_u * work[2, 1], work[0, 2] - slope_u * work[2, 2]
        c, d = work[1, 1] - slope_v * work[2, 1], work[1, 2] - slope_v * work[2, 2]
        determinant = a * d - b * c
        if determinant == 0:
            break
        x -= (d * error_u - b * error_v) / determinant
        y -= (a * error_v - c * error_u) / determinant
        if not (abs(x - start_x) < _FARTHEST_STEP_M and abs(y - start_y) < _FARTHEST_STEP_M):
            break
        evaluate(x, y, affine, amplitudes, functions, work)
    return start_x, start_y, start_depth, False


@njit(cache=True, error_model='numpy', nogil=True)
def _refine(material, depth, fx, fy, cx, cy, affine, amplitudes, functions):
    work = np.empty((3, 3))
    for row in range(material.shape[0]):
        for column in range(material.shape[1]):
            x, y = material[row, column]
            if np.isnan(x):
                continue
            slope_u, slope_v = (column - cx) / fx, (row - cy) / fy
            x, y, z, _ = _newton(x, y, slope_u, slope_v, affine, amplitudes, functions, work)
            material[row, column, 0] = x
            material[row, column, 1] = y
            depth[row, column] = z


@njit(cache=True, error_model='numpy', nogil=True)
def _front(uv, material, fx, fy, cx, cy, affine, amplitudes, functions, out):
    height, width = material.shape[:2]
    work = np.empty((3, 3))
    for i in range(len(uv)):
        nearest, fallback = np.inf, np.inf
        slope_u, slope_v = (uv[i, 0] - cx) / fx, (uv[i, 1] - cy) / fy
        left, top = int(np.floor(uv[i, 0])), int(np.floor(uv[i, 1]))
        for row in range(max(top, 0), min(top + 2, height)):
            for column in range(max(left, 0), min(left + 2, width)):
                x, y = material[row, column]
                if np.isnan(x):
                    continue
                x, y, z, converged = _newton(
                    x, y, slope_u, slope_v, affine, amplitudes, functions, work
                )
                if converged and z < nearest:
                    nearest = z
                    out[i, 0], out[i, 1] = x, y
                elif nearest == np.inf and not converged and z < fallback:
                    fallback = z
                    out[i, 0], out[i, 1] = x, y
