"""The multiscale normalised cross-correlation that DiffPose optimises: whole image and patches."""

from torch.nn.functional import avg_pool2d

PATCH = 13
# Keeps the correlation of flat patches finite, relative to the variance of the whole image.
_FLAT_VARIANCE = 1e-4


def multiscale_ncc_loss(moving, fixed):
    """
    Return 1 - (NCC + mean NCC over all PATCH x PATCH patches) / 2 of two images [H, W].

    Source: Gopalakrishnan et al., "Intraoperative 2D/3D image registration via differentiable
    X-ray rendering", CVPR 2024 (equal weights, patches of 13).
    """
    a, b = _standardised(moving), _standardised(fixed)
    mean_a, mean_b = _patch_mean(a), _patch_mean(b)
    variance_a = _patch_mean(a * a) - mean_a * mean_a
    variance_b = _patch_mean(b * b) - mean_b * mean_b
    covariance = _patch_mean(a * b) - mean_a * mean_b
    scale = (variance_a + _FLAT_VARIANCE) * (variance_b + _FLAT_VARIANCE)
    patches = (covariance / scale.sqrt()).mean()
    return 1 - 0.5 * ((a * b).mean() + patches)


def _standardised(image):
    return (image - image.mean()) / (image.std(unbiased=False) + 1e-6)


def _patch_mean(image):
    return avg_pool2d(image[None, None], PATCH, stride=1)[0, 0]
