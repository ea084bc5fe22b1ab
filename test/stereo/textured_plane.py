"""A slanted, textured plane seen by a rectified stereo pair: depth and disparity are exact."""

from functools import lru_cache

import cv2
import numpy as np

from surg_invnerf.camera import StereoCamera
from surg_invnerf.clip import StereoFrame
from surgical_perception.geometry.camera import PinholeCamera

_TEXEL_M = 1e-4  # a third of a pixel's footprint at 160 columns: no aliasing in the pictures
_TEXTURE_SIDE = 1024


def stereo_camera(width=160, height=128, baseline_m=4.5e-3, right_cx=None):
    """Return an endoscope-like camera whose focal length is 0.9 widths."""
    pinhole = PinholeCamera(
        width, height, 0.9 * width, 0.9 * width, (width - 1) / 2 + 1.5, (height - 1) / 2 - 0.75
    )
    return StereoCamera(pinhole, baseline_m, right_cx)


@lru_cache(maxsize=2)
def tissue_texture(seed=1):
    """Return [side, side, 3] float32 in 0..255: reddish, with detail at every scale."""
    random = np.random.default_rng(seed)
    grey = np.zeros((_TEXTURE_SIDE, _TEXTURE_SIDE), np.float32)
    for blur in (2.5, 5, 10, 20, 40):
        noise = random.standard_normal(grey.shape, np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), blur)
        grey += noise / noise.std()
    grey *= 22 / grey.std()
    return np.clip(np.stack([150 + grey, 90 + grey, 80 + 0.8 * grey], -1), 0, 235)


class TexturedPlane:
    """The plane z = depth_m + slope_x x + slope_y y (left camera), rendered without noise."""

    def __init__(self, camera, depth_m=0.06, slope_x=0.3, slope_y=0.2, seed=1):
        self.camera, self.depth, self.slope = camera, depth_m, (slope_x, slope_y)
        self.texture = tissue_texture(seed)

    def depth_m(self, uv=None, eye_m=0.0):
        """Return z [...] (m) of the plane at left pixels uv [..., 2], by default all of them."""
        pinhole = self.camera.left
        if uv is None:
            uv = np.stack(np.meshgrid(*map(np.arange, (pinhole.width, pinhole.height))), -1)
        x = (uv[..., 0] - pinhole.cx) / pinhole.fx
        y = (uv[..., 1] - pinhole.cy) / pinhole.fy
        return (self.depth + self.slope[0] * eye_m) / (1 - self.slope[0] * x - self.slope[1] * y)

    def _picture(self, cx, eye_m, shift_m):
        pinhole = self.camera.left
        offsets = (np.arange(4) - 1.5) / 4
        u = (np.arange(pinhole.width)[:, None] + offsets).ravel()
        v = (np.arange(pinhole.height)[:, None] + offsets).ravel()
        u, v = np.meshgrid(u + pinhole.cx - cx, v)
        z = self.depth_m(np.stack([u, v], -1), eye_m)
        x = (u - pinhole.cx) / pinhole.fx * z + eye_m - shift_m[0]
        y = (v - pinhole.cy) / pinhole.fy * z - shift_m[1]
        texels = [(w / _TEXEL_M + _TEXTURE_SIDE / 2).astype(np.float32) for w in (x, y)]
        fine = cv2.remap(self.texture, *texels, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        size = (pinhole.width, pinhole.height)
        return np.clip(cv2.resize(fine, size, interpolation=cv2.INTER_AREA) + 0.5, 0, 255).astype(
            np.uint8
        )

    def pair(self, shift_m=(0.0, 0.0)):
        """Return left and right [H, W, 3] uint8; the texture may be moved along x and y."""
        camera = self.camera
        right_cx = camera.left.cx if camera.right_cx is None else camera.right_cx
        return (
            self._picture(camera.left.cx, 0.0, shift_m),
            self._picture(right_cx, camera.baseline_m, shift_m),
        )

    def frame(self, index=0, shift_m=(0.0, 0.0)):
        """Return the StereoFrame of one instant, at 10 frames a second."""
        return StereoFrame(index, index * 100_000_000, *self.pair(shift_m))
