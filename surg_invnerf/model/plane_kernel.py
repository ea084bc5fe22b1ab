"""
Sampling of three feature planes and their product, forward and backward, on the CPU.

The same arithmetic as `plane_sampling.sample_reference`, which states the formula, fused: autograd
through torch's gathers takes several times as long.  One thread: the backward pass adds into
shared cells.
"""

import numba
import numpy as np

from surg_invnerf.model.rows import dot, load, mix, scale, store, times


@numba.njit(inline='always')
def _cell(x, slope, shift, size):
    """Return (lower cell, fraction, slope) of a coordinate, clamped to the plane."""
    grid = x * slope + shift
    if grid <= 0:
        grid, slope = np.float32(0), np.float32(0)
    elif grid >= size - 1:
        grid, slope = np.float32(size - 1), np.float32(0)
    lower = min(int(grid), size - 2)
    return lower, np.float32(grid - lower), slope


@numba.njit(inline='always')
def _line(data, cell, step, fraction):
    """Return the row between two neighbouring cells."""
    first = scale(np.float32(1) - fraction, load(data, cell))
    return mix(first, fraction, load(data, cell + step))


@numba.njit(inline='always')
def _between(first, fraction, second):
    """Return the row between two rows."""
    return mix(scale(np.float32(1) - fraction, first), fraction, second)


@numba.njit(inline='always')
def _minus(first, second):
    return mix(first, np.float32(-1), second)


@numba.njit(inline='always')
def _scatter(grad_data, cell, row, step, f_row, f_column, values):
    """Add a gradient to the four cells of a bilinear sample."""
    upper, lower = scale(np.float32(1) - f_row, values), scale(f_row, values)
    g_column = np.float32(1) - f_column
    store(grad_data, cell, mix(load(grad_data, cell), g_column, upper))
    store(grad_data, cell + step, mix(load(grad_data, cell + step), f_column, upper))
    cell += row
    store(grad_data, cell, mix(load(grad_data, cell), g_column, lower))
    store(grad_data, cell + step, mix(load(grad_data, cell + step), f_column, lower))


@numba.njit(cache=True, nogil=True, error_model='numpy')
def forward(data, points, sizes, offsets, slopes, shifts, chunks, out):
    """
    Fill out [N * L * chunks, 8] from planes data [P, 8] at points [N, 3].

    See plane_sampling for the layout; offsets count rows of data, a cell has `chunks` of them.
    """
    here = 0
    for n in range(points.shape[0]):
        for level in range(sizes.shape[0]):
            s0, s1, s2 = sizes[level, 0], sizes[level, 1], sizes[level, 2]
            i, fi, _ = _cell(points[n, 0], slopes[level, 0], shifts[level, 0], s0)
            j, fj, _ = _cell(points[n, 1], slopes[level, 1], shifts[level, 1], s1)
            k, fk, _ = _cell(points[n, 2], slopes[level, 2], shifts[level, 2], s2)
            row_0, row_1 = s0 * chunks, s1 * chunks
            p = offsets[level, 0] + (i * s1 + j) * chunks
            q = offsets[level, 1] + (k * s0 + i) * chunks
            r = offsets[level, 2] + (k * s1 + j) * chunks
            for chunk in range(chunks):
                a = _between(
                    _line(data, p + chunk, chunks, fj),
                    fi,
                    _line(data, p + row_1 + chunk, chunks, fj),
                )
                b = _between(
                    _line(data, q + chunk, chunks, fi),
                    fk,
                    _line(data, q + row_0 + chunk, chunks, fi),
                )
                c = _between(
                    _line(data, r + chunk, chunks, fj),
                    fk,
                    _line(data, r + row_1 + chunk, chunks, fj),
                )
                store(out, here, times(times(a, b), c))
                here += 1


@numba.njit(inline='always')
def _sample_and_slopes(data, cell, row, step, f_row, f_column):
    """Return a bilinear sample and its derivatives along rows and columns."""
    d00, d01 = load(data, cell), load(data, cell + step)
    d10, d11 = load(data, cell + row), load(data, cell + row + step)
    first, second = _between(d00, f_column, d01), _between(d10, f_column, d11)
    by_column = _between(_minus(d01, d00), f_row, _minus(d11, d10))
    return _between(first, f_row, second), _minus(second, first), by_column


@numba.njit(cache=True, nogil=True, error_model='numpy')
def backward(data, points, sizes, offsets, slopes, shifts, chunks, grad, grad_data, grad_points):
    """Add to grad_data [P, 8] and grad_points [N, 3] the gradient grad, shaped as out."""
    here = 0
    for n in range(points.shape[0]):
        for level in range(sizes.shape[0]):
            s0, s1, s2 = sizes[level, 0], sizes[level, 1], sizes[level, 2]
            i, fi, slope_i = _cell(points[n, 0], slopes[level, 0], shifts[level, 0], s0)
            j, fj, slope_j = _cell(points[n, 1], slopes[level, 1], shifts[level, 1], s1)
            k, fk, slope_k = _cell(points[n, 2], slopes[level, 2], shifts[level, 2], s2)
            row_0, row_1 = s0 * chunks, s1 * chunks
            p = offsets[level, 0] + (i * s1 + j) * chunks
            q = offsets[level, 1] + (k * s0 + i) * chunks
            r = offsets[level, 2] + (k * s1 + j) * chunks
            di = dj = dk = np.float32(0)
            for chunk in range(chunks):
                a, a_i, a_j = _sample_and_slopes(data, p + chunk, row_1, chunks, fi, fj)
                b, b_k, b_i = _sample_and_slopes(data, q + chunk, row_0, chunks, fk, fi)
                c, c_k, c_j = _sample_and_slopes(data, r + chunk, row_1, chunks, fk, fj)
                arriving = load(grad, here)
                at_a = times(arriving, times(b, c))
                at_b = times(arriving, times(a, c))
                at_c = times(arriving, times(a, b))
                di += dot(at_a, a_i) + dot(at_b, b_i)
                dj += dot(at_a, a_j) + dot(at_c, c_j)
                dk += dot(at_b, b_k) + dot(at_c, c_k)
                _scatter(grad_data, p + chunk, row_1, chunks, fi, fj, at_a)
                _scatter(grad_data, q + chunk, row_0, chunks, fk, fi, at_b)
                _scatter(grad_data, r + chunk, row_1, chunks, fk, fj, at_c)
                here += 1
            grad_points[n, 0] += di * slope_i
            grad_points[n, 1] += dj * slope_j
            grad_points[n, 2] += dk * slope_k
