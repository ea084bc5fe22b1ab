"""
The reference renderer: plain PyTorch in any floating dtype, differentiable through everything.

Gradients run to the poses and to the attenuation, from the image and from the Jacobian columns
(which are written out, so that no second derivative is needed).
"""

import numpy as np
import torch
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from xray_registration.drr.rays import PADDING

# Samples alive at once, about 200 bytes each in float32: more would exhaust a small machine.
_SAMPLES_PER_CHUNK = 1 << 20


def render(volume, camera, carm_from_ct, jacobian, mask, step_m, isocentre_m):
    """Render [B, 4, 4] poses; the arguments are those of `drr.render`, already checked."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    key = f'torch {device}'
    if key not in volume.cache:
        volume.cache[key] = torch.as_tensor(volume.mu_per_m, device=device)
    with torch.no_grad():
        image, columns = render_tensor(
            volume.cache[key],
            np.linalg.inv(volume.ct_from_index),
            camera,
            torch.as_tensor(carm_from_ct, device=device),
            step_m,
            isocentre_m,
            jacobian,
            mask,
        )
    return image.cpu().numpy(), None if columns is None else columns.cpu().numpy()


def render_tensor(
    mu, index_from_ct, camera, carm_from_ct, step_m, isocentre_m, jacobian='none', mask=None
):
    """
    Render a batch of poses from tensors; gradients run to `mu` and to `carm_from_ct`.

    mu              [Z, Y, X] (1/m); its dtype and device are those of the march
    index_from_ct   [4, 4] array or tensor
    carm_from_ct    [B, 4, 4] rigid (m), best in float64: the geometry is computed in its dtype
    jacobian, mask  as in `drr.render`
    Returns image [B, H, W] and columns [B, H, W, 6] (None for jacobian='none'), in mu's dtype.
    """
    like = {'dtype': carm_from_ct.dtype, 'device': carm_from_ct.device}
    index_from_ct = torch.as_tensor(index_from_ct, **like)
    isocentre = torch.as_tensor(isocentre_m, **like)
    rays = torch.as_tensor(camera.ray_directions(), **like).reshape(-1, 3)
    use = np.ones(len(rays), bool) if mask is None else np.asarray(mask).ravel()
    use = torch.as_tensor(use, device=mu.device)
    padded = pad(mu, (PADDING,) * 6)

    channels = 1 if jacobian == 'none' else 7
    pictures = []
    for pose in carm_from_ct:
        ct_from_carm = pose[:3, :3].T
        source = -ct_from_carm @ pose[:3, 3]
        directions = rays[use] @ ct_from_carm.T
        sums = _integrate(
            padded,
            (index_from_ct[:3, :3] @ source + index_from_ct[:3, 3]).to(mu.dtype),
            (directions @ index_from_ct[:3, :3].T).to(mu.dtype),
            step_m,
            channels > 1,
        )
        picture = mu.new_zeros(len(rays), channels)
        if channels > 1:
            gradient_to_ct = index_from_ct[:3, :3].T.to(mu.dtype)
            columns = _pose_columns(
                sums[:, 1:4] @ gradient_to_ct.T,
                sums[:, 4:7] @ gradient_to_ct.T,
                directions.to(mu.dtype),
                (source - isocentre).to(mu.dtype),
                jacobian == 'continuum',
            )
            sums = torch.cat([sums[:, :1], columns], -1)
        picture[use] = step_m * sums
        pictures.append(picture.reshape(camera.height, camera.width, channels))
    pictures = torch.stack(pictures)
    return pictures[..., 0], pictures[..., 1:] if channels > 1 else None


def _pose_columns(g, k, directions, source, continuum):
    """
    Turn the gradient sums of a ray into its six pose derivatives, per unit of step.

    g, k            [N, 3] sum of grad mu and sum of t grad mu along the ray, in `ct`
    directions      [N, 3] unit, in `ct`; source [3] relative to the isocentre
    """
    if continuum:
        # The integral of d . grad mu along the whole ray is exactly zero; its sum is not.
        g = g - (g * directions).sum(-1, keepdim=True) * directions
    about_isocentre = torch.linalg.cross(source.expand_as(g), g) + torch.linalg.cross(
        directions, k
    )
    return torch.cat([g, about_isocentre], -1)


def _integrate(padded, source, directions, step_m, with_gradient):
    """
    Sum mu, and with_gradient also grad mu [3] and t grad mu [3], over the samples of each ray.

    padded          [Z, Y, X] with a margin of PADDING zeros
    source          [3], directions [N, 3]: index coordinates (x, y, z), per metre
    Returns [N, 1] or [N, 7].  Chunks are marched again in the backward pass instead of being
    kept, so memory does not grow with the image.
    """
    first, count = _sample_range(padded.shape, source, directions, step_m)
    rays_per_chunk = max(1, _SAMPLES_PER_CHUNK // max(1, count))
    sums = [padded.new_zeros(0, 7 if with_gradient else 1)]
    for chunk in directions.split(rays_per_chunk):
        first, count = _sample_range(padded.shape, source, chunk, step_m)
        k = torch.arange(first, first + count, device=padded.device, dtype=torch.float64)
        t = ((k + 0.5) * step_m).to(padded.dtype)
        sums.append(
            checkpoint(_sum_samples, padded, source, chunk, t, with_gradient, use_reentrant=False)
        )
    return torch.cat(sums)


def _sample_range(padded_shape, source, directions, step_m):
    """Return first sample and number of samples that any of the rays has inside the volume."""
    with torch.no_grad():
        size = source.new_tensor([n - 2 * PADDING for n in reversed(padded_shape)])
        safe = torch.where(directions.abs() < 1e-12, 1e-12, directions)
        a, b = (-1 - source) / safe, (size - source) / safe
        near = torch.minimum(a, b).amax(-1).clamp(min=0)
        far = torch.maximum(a, b).amin(-1)
        hit = far > near
        if not hit.any():
            return 0, 0
        first = int(torch.floor(near[hit].min() / step_m - 0.5))
        return max(first, 0), int(torch.ceil(far[hit].max() / step_m)) - max(first, 0)


def _sum_samples(padded, source, directions, t, with_gradient):
    """Sum over the samples at distances t [S] of the rays [N, 3]; returns [N, 1] or [N, 7]."""
    position = source + t[:, None] * directions[:, None, :]
    value, gradient = _trilinear(padded, position)
    if not with_gradient:
        return value.sum(1, keepdim=True)
    moment = (t[:, None] * gradient).sum(1)
    return torch.cat([value.sum(1, keepdim=True), gradient.sum(1), moment], -1)


def _trilinear(padded, position):
    """
    Interpolate at positions [..., 3] (x, y, z) in index coordinates of the unpadded grid.

    Returns values [...] and their gradients [..., 3] by the position.
    """
    size = position.new_tensor([n - 2 * PADDING for n in reversed(padded.shape)])
    # Outside of the support (-1, size), the outermost cell of the margin stands for every other:
    # its corners are all zero, so value and gradient are exact zeros.
    position = torch.maximum(torch.minimum(position, size + 0.5), size.new_tensor(-1.5))
    cell = position.detach().floor()
    fx, fy, fz = (position - cell).unbind(-1)
    ix, iy, iz = (cell.long() + PADDING).unbind(-1)
    flat = padded.reshape(-1)
    row, plane = padded.shape[2], padded.shape[1] * padded.shape[2]
    corner = iz * plane + iy * row + ix

    def along_x(offset):
        low = flat[corner + offset]
        difference = flat[corner + offset + 1] - low
        return low + fx * difference, difference

    (v00, d00), (v10, d10) = along_x(0), along_x(row)
    (v01, d01), (v11, d11) = along_x(plane), along_x(plane + row)
    low, high = v00 + fy * (v10 - v00), v01 + fy * (v11 - v01)
    gradient_x = torch.lerp(torch.lerp(d00, d10, fy), torch.lerp(d01, d11, fy), fz)
    gradient_y = torch.lerp(v10 - v00, v11 - v01, fz)
    gradient_z = high - low
    return low + fz * gradient_z, torch.stack([gradient_x, gradient_y, gradient_z], -1)
