"""Disparity by stereo networks that the user brings, RAFT-Stereo among them."""

import numpy as np

from surg_invnerf.correspondence.dense import pixel_grid, sampled
from surg_invnerf.correspondence.onnx import Onnx
from surg_invnerf.correspondence.torchscript import TorchScript

# A disparity that differs by more from that of the right image is not trusted.
_MAX_DIFFERENCE_PX = 1.0
# Standard deviation where both agree to the last digit: networks are no better than this.
_SIGMA_PX = 0.2


class NetworkStereo:
    """
    A matcher for Observer out of a network whose one channel is u_right - u_left.

    It sees each pair twice, the second time mirrored with the eyes exchanged: that is the
    disparity of the right image, and tells what is hidden from one eye.
    """

    def __init__(self, network):
        self._network = network

    def match(self, left, right):
        """Return (disparity, sigma_px), [H, W] float32; NaN and infinite where not trusted."""
        disparity = -self._network.flow(left, right)[..., 0]
        mirrored = (np.ascontiguousarray(image[:, ::-1]) for image in (right, left))
        of_right = np.ascontiguousarray(-self._network.flow(*mirrored)[:, ::-1, 0])
        seen_at = pixel_grid(*disparity.shape).copy()
        seen_at[..., 0] -= disparity
        difference = np.abs(disparity - sampled(of_right, seen_at))
        trusted = difference < _MAX_DIFFERENCE_PX
        sigma = np.hypot(_SIGMA_PX, difference)
        return np.where(trusted, disparity, np.nan), np.where(trusted, sigma, np.inf)


class TorchScriptStereo(NetworkStereo):
    """NetworkStereo of a TorchScript module; options and errors are those of TorchScript."""

    def __init__(self, camera, weights, device='cpu', size=None, largest=255.0):
        super().__init__(_TorchScriptDisparity(weights, device, size, largest))


class OnnxStereo(NetworkStereo):
    """NetworkStereo of an ONNX network; options and errors are those of Onnx."""

    def __init__(self, camera, weights, device='cpu', largest=255.0):
        super().__init__(_OnnxDisparity(weights, device, largest))


class _TorchScriptDisparity(TorchScript):
    channels = 1


class _OnnxDisparity(Onnx):
    channels = 1
