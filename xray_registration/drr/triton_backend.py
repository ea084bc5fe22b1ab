"""
Fused CUDA renderer: a batch of poses, image and pose Jacobian in one kernel.

The mathematics is that of numba_backend.  One program marches a tile of rays, whose threads
share the range of samples; `TRITON_INTERPRET=1` runs the same kernel on a CPU.
"""

import os

import numpy as np
import torch

from surgical_perception.errors import InputError
from xray_registration.drr.rays import PADDING, padded, ray_geometry

try:
    import triton
    import triton.language as tl
except ModuleNotFoundError:
    raise InputError(
        'the triton renderer needs the package triton, which comes with PyTorch for CUDA: '
        'set backend to numba or torch'
    ) from None

# One ray per thread in 4 warps; a tile is wide because rows of a volume lie wide in memory.
_TILE_HEIGHT, _TILE_WIDTH, _WARPS = 8, 16, 4
# A GPU with some 130 multiprocessors hides its memory latency only with about 16 programs on each:
# with fewer tiles than that, rays are cut into pieces.
_PROGRAMS_TO_FILL_A_GPU = 2048
_MAX_PIECES = 8
_INT32_MAX = 2**31 - 1


def render(volume, camera, carm_from_ct, jacobian, mask, step_m, isocentre_m):
    """Render [B, 4, 4] poses; the arguments are those of `drr.render`, already checked."""
    device = _device()
    key = f'triton {device}'
    if key not in volume.cache:
        volume.cache[key] = torch.as_tensor(padded(volume), device=device)
    image, columns = render_tensor(
        volume.cache[key],
        camera,
        packed_rays(volume, carm_from_ct, isocentre_m, device),
        step_m,
        jacobian,
        None if mask is None else torch.as_tensor(mask, device=device),
    )
    return image.cpu().numpy(), None if columns is None else columns.cpu().numpy()


def _device():
    if os.environ.get('TRITON_INTERPRET') == '1':
        return 'cpu'
    if torch.cuda.is_available():
        return 'cuda'
    raise InputError('the triton renderer needs a CUDA device: set backend to numba or torch')


def packed_rays(volume, carm_from_ct, isocentre_m, device):
    """Return the parts of each pose's RayGeometry, row-major one after the other: [B, 33]."""
    rays = [ray_geometry(volume, pose, isocentre_m) for pose in carm_from_ct]
    packed = np.stack([np.concatenate([part.ravel() for part in ray]) for ray in rays])
    return torch.as_tensor(packed, dtype=torch.float32, device=device)


def render_tensor(padded_mu, camera, rays, step_m, jacobian='none', mask=None):
    """
    Render a batch of poses on the device of `padded_mu`.

    padded_mu       [Z, Y, X] with a margin of PADDING zeros, contiguous; float32, or float16 for
                    half the memory traffic at 3 digits
    rays            [B, 33] float32 of `packed_rays`
    mask            [H, W] bool or None
    Returns image [B, H, W] and columns [B, H, W, 6] (None for jacobian='none'), float32.
    """
    batch, height, width = len(rays), camera.height, camera.width
    tiles = triton.cdiv(height, _TILE_HEIGHT) * triton.cdiv(width, _TILE_WIDTH)
    pieces = min(_MAX_PIECES, triton.cdiv(_PROGRAMS_TO_FILL_A_GPU, max(1, batch * tiles)))
    with_jacobian = jacobian != 'none'
    image = padded_mu.new_empty(pieces, batch, height, width, dtype=torch.float32)
    columns = image.new_empty(*image.shape, 6) if with_jacobian else image
    planes, rows, row = padded_mu.shape
    _march[(tiles, batch, pieces)](
        padded_mu,
        rays,
        image if mask is None else mask.to(torch.int8).contiguous(),
        image,
        columns,
        planes,
        rows,
        row,
        camera.fx,
        camera.fy,
        camera.cx,
        camera.cy,
        height,
        width,
        step_m,
        JACOBIAN=with_jacobian,
        CONTINUUM=jacobian == 'continuum',
        MASKED=mask is not None,
        WIDE=padded_mu.numel() > _INT32_MAX,
        TILE_HEIGHT=_TILE_HEIGHT,
        TILE_WIDTH=_TILE_WIDTH,
        PAD=PADDING,
        num_warps=_WARPS,
    )
    # Image and columns are linear in the sums along the ray, so pieces of a ray simply add up.
    return image.sum(0), columns.sum(0) if with_jacobian else None


@triton.jit
def _rotate(m, a, b, c):
    """Multiply the row-major 3x3 matrix at pointer m with the vectors (a, b, c)."""
    return (
        tl.load(m) * a + tl.load(m + 1) * b + tl.load(m + 2) * c,
        tl.load(m + 3) * a + tl.load(m + 4) * b + tl.load(m + 5) * c,
        tl.load(m + 6) * a + tl.load(m + 7) * b + tl.load(m + 8) * c,
    )


@triton.jit
def _clip(source, direction, size, near, far):
    """Clip [near, far] to the support (-1, size) of the zero-padded interpolant on one axis."""
    safe = tl.where(tl.abs(direction) < 1e-12, 1e-12, direction)
    a, b = (-1.0 - source) / safe, (size - source) / safe
    return tl.maximum(near, tl.minimum(a, b)), tl.minimum(far, tl.maximum(a, b))


@triton.jit
def _edge(mu, offset, on):
    """Load a voxel and the difference to its right neighbour."""
    left = tl.load(mu + offset, mask=on, other=0.0).to(tl.float32)
    return left, tl.load(mu + offset + 1, mask=on, other=0.0).to(tl.float32) - left


@triton.jit
def _march(
    mu,
    rays,
    use,
    image,
    columns,
    planes,
    rows,
    row,
    focal_x,
    focal_y,
    centre_x,
    centre_y,
    height,
    width,
    step,
    JACOBIAN: tl.constexpr,
    CONTINUUM: tl.constexpr,
    MASKED: tl.constexpr,
    WIDE: tl.constexpr,
    TILE_HEIGHT: tl.constexpr,
    TILE_WIDTH: tl.constexpr,
    PAD: tl.constexpr,
):
    tile, pose, piece = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    tiles_across = tl.cdiv(width, TILE_WIDTH)
    lane = tl.arange(0, TILE_HEIGHT * TILE_WIDTH)
    v = (tile // tiles_across) * TILE_HEIGHT + lane // TILE_WIDTH
    u = (tile % tiles_across) * TILE_WIDTH + lane % TILE_WIDTH
    inside = (v < height) & (u < width)
    marched = inside
    if MASKED:
        marched &= tl.load(use + v * width + u, mask=inside, other=0) != 0

    a = (u - centre_x) / focal_x
    b = (v - centre_y) / focal_y
    c = 1.0 / tl.sqrt(a * a + b * b + 1.0)
    a, b = a * c, b * c
    ray = rays + pose * 33
    dx, dy, dz = _rotate(ray, a, b, c)
    sx, sy, sz = tl.load(ray + 9), tl.load(ray + 10), tl.load(ray + 11)
    near, far = tl.zeros_like(a), tl.full(a.shape, 1e9, tl.float32)
    near, far = _clip(sx, dx, row - 2.0 * PAD, near, far)
    near, far = _clip(sy, dy, rows - 2.0 * PAD, near, far)
    near, far = _clip(sz, dz, planes - 2.0 * PAD, near, far)
    marched &= far > near
    first = tl.where(marched, tl.ceil(near / step - 0.5), 1e9)
    last = tl.where(marched, tl.floor(far / step - 0.5), -1.0)

    # The rays of a tile share one loop, each masked to its own samples.
    begin = tl.min(first, 0).to(tl.int32)
    end = tl.maximum(tl.max(last, 0).to(tl.int32) + 1, begin)
    length = tl.cdiv(end - begin, tl.num_programs(2))
    begin += piece * length
    end = tl.minimum(end, begin + length)

    total = tl.zeros_like(a)
    gx, gy, gz = total, total, total
    kx, ky, kz = total, total, total
    for k in range(begin, end):
        on = (k >= first) & (k <= last)
        t = (k + 0.5) * step
        x, y, z = sx + t * dx + PAD, sy + t * dy + PAD, sz + t * dz + PAD
        ix, iy, iz = tl.floor(x), tl.floor(y), tl.floor(z)
        fx, fy, fz = x - ix, y - iy, z - iz
        ix, iy, iz = ix.to(tl.int32), iy.to(tl.int32), iz.to(tl.int32)
        if WIDE:
            iz = iz.to(tl.int64)
        offset = (iz * rows + iy) * row + ix
        v00, d00 = _edge(mu, offset, on)
        v10, d10 = _edge(mu, offset + row, on)
        offset += rows * row
        v01, d01 = _edge(mu, offset, on)
        v11, d11 = _edge(mu, offset + row, on)
        a0, a1 = v00 + fx * d00, v10 + fx * d10
        b0, b1 = v01 + fx * d01, v11 + fx * d11
        da, db = a1 - a0, b1 - b0
        low = a0 + fy * da
        grad_z = b0 + fy * db - low
        total += low + fz * grad_z
        if JACOBIAN:
            grad_y = da + fz * (db - da)
            d0, d1 = d00 + fy * (d10 - d00), d01 + fy * (d11 - d01)
            grad_x = d0 + fz * (d1 - d0)
            gx, gy, gz = gx + grad_x, gy + grad_y, gz + grad_z
            kx, ky, kz = kx + t * grad_x, ky + t * grad_y, kz + t * grad_z

    # 64 bits: a batch of images with columns exceeds 2^31 numbers on a large GPU.
    pixel = (piece.to(tl.int64) * tl.num_programs(1) + pose) * height * width + v * width + u
    tl.store(image + pixel, step * total, mask=inside)
    if JACOBIAN:
        w0, w1, w2 = _rotate(ray + 12, a, b, c)
        g0, g1, g2 = _rotate(ray + 21, gx, gy, gz)
        k0, k1, k2 = _rotate(ray + 21, kx, ky, kz)
        if CONTINUUM:
            # The integral of d . grad mu along the whole ray is exactly zero; its sum is not.
            along = g0 * w0 + g1 * w1 + g2 * w2
            g0, g1, g2 = g0 - along * w0, g1 - along * w1, g2 - along * w2
        s0, s1, s2 = tl.load(ray + 30), tl.load(ray + 31), tl.load(ray + 32)
        column = columns + pixel * 6
        tl.store(column, step * g0, mask=inside)
        tl.store(column + 1, step * g1, mask=inside)
        tl.store(column + 2, step * g2, mask=inside)
        tl.store(column + 3, step * (s1 * g2 - s2 * g1 + w1 * k2 - w2 * k1), mask=inside)
        tl.store(column + 4, step * (s2 * g0 - s0 * g2 + w2 * k0 - w0 * k2), mask=inside)
        tl.store(column + 5, step * (s0 * g1 - s1 * g0 + w0 * k1 - w1 * k0), mask=inside)
