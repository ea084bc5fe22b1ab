"""The rectified stereo camera: two pinholes side by side with equal rows."""

from dataclasses import dataclass, replace

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera

# Endoscopes have 3 to 6 mm; beyond these limits the unit or the order of the eyes is wrong.
_MIN_BASELINE_M, _MAX_BASELINE_M = 1e-3, 0.1


@dataclass(frozen=True)
class StereoCamera:
    """
    A rectified pair: intrinsics of the left image, baseline, and the right principal point.

    The right camera sits at +baseline_m on the left one's x axis and shares its rotation, size,
    focal lengths and cy; `right_cx` is None where it equals the left cx.
    """

    left: PinholeCamera
    baseline_m: float
    right_cx: float | None = None

    @property
    def cx_difference(self):
        """Left minus right cx (pixels): the disparity of a point at infinity."""
        return 0.0 if self.right_cx is None else self.left.cx - self.right_cx

    @property
    def right(self):
        """The PinholeCamera of the right image."""
        return self.left if self.right_cx is None else replace(self.left, cx=self.right_cx)

    @property
    def focal_baseline(self):
        """fx * baseline (pixel metres): depth is this over disparity."""
        return self.left.fx * self.baseline_m

    def depth_from_disparity(self, disparity):
        """Return depth (m) of disparities u_left - u_right (pixels); NaN where there is none."""
        shift = np.asarray(disparity, np.float32) - np.float32(self.cx_difference)
        with np.errstate(divide='ignore', invalid='ignore'):
            return np.where(shift > 0, self.focal_baseline / shift, np.nan).astype(np.float32)

    def disparity_from_depth(self, depth_m):
        """Return u_left - u_right (pixels) of depths (m)."""
        return self.focal_baseline / np.asarray(depth_m) + self.cx_difference

    def sigma_from_disparity(self, depth_m, sigma_disparity):
        """Return the standard deviation of depth (m): z^2 sigma_d / (f b)."""
        return np.square(depth_m) * (sigma_disparity / self.focal_baseline)

    def binned(self, factor):
        """Return the camera of images whose pixels are means over factor x factor blocks."""
        right_cx = None if self.right_cx is None else (self.right_cx + 0.5) / factor - 0.5
        return replace(self, left=self.left.binned(factor), right_cx=right_cx)

    def cropped(self, left, top, width, height):
        """Return the camera of both images cropped alike, from pixel (left, top)."""
        right_cx = None if self.right_cx is None else self.right_cx - left
        return replace(self, left=self.left.cropped(left, top, width, height), right_cx=right_cx)

    def unproject(self, uv, depth_m):
        """Return points [..., 3] (m, left camera) of pixels [..., 2] at depths [...]."""
        camera, uv = self.left, np.asarray(uv, float)
        x = (uv[..., 0] - camera.cx) / camera.fx
        y = (uv[..., 1] - camera.cy) / camera.fy
        return np.stack([x, y, np.ones_like(x)], -1) * np.asarray(depth_m)[..., None]

    def validated(self):
        """Return self, or raise InputError where no stereo endoscope looks like this."""
        self.left.validated()
        if not np.isfinite(self.baseline_m) or self.baseline_m <= 0:
            raise InputError(
                f'the baseline is {self.baseline_m:g} m, not positive: are left and right swapped?'
            )
        if not _MIN_BASELINE_M < self.baseline_m < _MAX_BASELINE_M:
            raise InputError(
                f'the baseline is {self.baseline_m:g} m, expected {_MIN_BASELINE_M:g} to '
                f'{_MAX_BASELINE_M:g} m: is it in millimetres?'
            )
        return self
