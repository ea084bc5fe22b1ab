"""
Procedural tissue: mottled, with fat, vessels of all sizes and fine grain.

Everything is drawn in metres, from lattices whose pitch does not depend on the image, so that a
seed shows the same tissue at every image size.
"""

import cv2
import numpy as np

# Linear RGB of well-lit tissue without blood, and of fat; absorption by blood per unit of content.
_PALE = np.array([0.84, 0.60, 0.51], np.float32)
_FAT = np.array([0.92, 0.74, 0.42], np.float32)
_ABSORPTION = np.array([0.32, 1.30, 1.15], np.float32)
# Pitch (m) of the noise lattices and the contrast that each gives to the blood content.
_MOTTLING = ((0.021, 0.12), (0.009, 0.08), (0.004, 0.055), (0.002, 0.04), (0.001, 0.032))
_GRAIN = ((0.0005, 0.025), (0.0003, 0.016))
_SHIFT_BITS = 4  # of OpenCV's sub-pixel drawing
_VESSEL_STEP_M = 0.0008


class Texture:
    """
    Albedo over material coordinates.

    texel_m     pitch of the maps, half a pixel of the image
    albedo      [h, w, 3] float32, linear RGB
    relief      [h, w] float32 (m), moist micro relief that breaks up highlights
    """

    def __init__(self, config, rng, half_size_m):
        camera = config.camera.left
        self.texel_m = 0.5 * config.depth_m / camera.fx
        self._half_size_m = np.asarray(half_size_m)
        width, height = (int(np.ceil(2 * h / self.texel_m)) + 1 for h in half_size_m)
        self._shape = height, width
        self._draw(rng)

    def texels(self, material):
        """Return texel coordinates (column, row) float32 [..., 2] of material points [..., 2]."""
        return ((material + self._half_size_m) / self.texel_m).astype(np.float32)

    def sample(self, channel, material):
        """Return `channel` ('albedo', 'relief') at material points [H, W, 2]."""
        at = np.nan_to_num(self.texels(material))
        plane = getattr(self, channel)
        return cv2.remap(plane, at[..., 0], at[..., 1], cv2.INTER_LINEAR)

    def _draw(self, rng):
        # Each part has its own generator: the pitch of the texels never shifts what follows.
        mottling, grain, fat, vessels, relief = rng.spawn(5)
        blood = 0.80 + self._noise(mottling, _MOTTLING) + self._noise(grain, _GRAIN)
        patches = self._noise(fat, ((0.020, 1.0), (0.007, 0.5), (0.0025, 0.25)))
        share = (1 / (1 + np.exp(-(patches - 1.6) / 0.3)))[..., None]
        blood = blood * (1 - 0.55 * share[..., 0]) + self._vessels(vessels)
        base = _PALE + share * (_FAT - _PALE)
        self.albedo = base * np.exp(-_ABSORPTION * np.maximum(blood, 0.02)[..., None])
        # Light scatters in tissue: nothing is sharper than a few tenths of a millimetre.
        self.albedo = cv2.GaussianBlur(self.albedo, (0, 0), max(0.8, 0.00012 / self.texel_m))
        self.relief = self._noise(relief, ((0.0045, 9e-5), (0.0019, 3.5e-5), (0.0009, 1.2e-5)))

    def _noise(self, rng, octaves):
        """Return a sum of smooth noises [h, w] float32 of standard deviation `contrast` each."""
        total = np.zeros(self._shape, np.float32)
        for pitch_m, contrast in octaves:
            columns, rows = (int(np.ceil(2 * h / pitch_m)) + 4 for h in self._half_size_m)
            lattice = rng.standard_normal((rows, columns), np.float32)
            if pitch_m < 1.5 * self.texel_m:
                continue  # finer than these texels can show
            step = self.texel_m / pitch_m
            placed = np.array([[step, 0, 1.5], [0, step, 1.5]])
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
            # 1.45 undoes what interpolation takes from the variance.
            total += (1.45 * contrast) * cv2.warpAffine(
                lattice, placed, self._shape[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT
            )
        return total

    def _vessels(self, rng):
        """Return the blood content [h, w] of branching, winding vessels."""
        content = np.zeros(self._shape, np.float32)
        for count, radius_m, strength in (
            (7, 0.00075, 0.55), (26, 0.00038, 0.42), (150, 0.00020, 0.30), (420, 0.00011, 0.22)
        ):  # fmt: skip
            layer = np.zeros(self._shape, np.float32)
            for _ in range(count):
                self._vessel(layer, rng, radius_m * rng.uniform(0.7, 1.3), rng.uniform(0.5, 1.0))
            content = np.maximum(content, strength * layer)
        return content

    def _vessel(self, layer, rng, radius_m, darkness):
        """Draw one vessel: a walk whose direction changes slowly, thinner towards its end."""
        steps = int(rng.uniform(0.6, 1.2) * 55 * (radius_m / 0.0004) ** 0.6) + 6
        turns = np.cumsum(rng.normal(0, 0.045, steps)) + rng.normal(0, 0.16, steps)
        angles = rng.uniform(0, 2 * np.pi) + turns
        walk = np.cumsum(_VESSEL_STEP_M * np.stack([np.cos(angles), np.sin(angles)], -1), axis=0)
        points = rng.uniform(-1, 1, 2) * self._half_size_m + walk
        pixels = np.round(self.texels(points) * (1 << _SHIFT_BITS)).astype(np.int32)
        diameters = 2 * radius_m * np.linspace(1, 0.4, steps) / self.texel_m
        for a, b, diameter in zip(pixels[:-1], pixels[1:], diameters[1:], strict=True):
            # A line cannot be thinner than a texel: a thinner vessel is a paler one.
            shade = darkness * min(diameter, 1.0)
            thickness = max(round(diameter), 1)
            cv2.line(layer, a.tolist(), b.tolist(), shade, thickness, cv2.LINE_8, _SHIFT_BITS)
