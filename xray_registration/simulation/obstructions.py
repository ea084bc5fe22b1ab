"""
What stands in the beam besides the patient: a plate with screws, bars, wires, a collimator.

Everything is drawn as line integrals in the image plane, finer than a pixel, and added to those of
the patient, so that scatter, blur and noise come after it as they do on a detector.  Sizes are
shares of the image width; a typical C-arm image is 200 mm wide at the patient.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from surgical_perception.errors import InputError

COLLIMATORS = ('none', 'circle', 'rectangle', 'leaves', 'any')

# Shapes are drawn this many times finer, so that their edges fall between pixels too.
_FINER = 4


@dataclass(frozen=True)
class ObstructionConfig:
    """How many of what; line integrals are those of steel and titanium at 60 to 80 kV."""

    plates: int = 0  # each with its screws
    bars: int = 0  # rods and rails that cross the whole image
    wires: int = 0  # curved, thin
    collimator: str = 'none'  # 'any' draws one of the shapes
    plate_attenuation: tuple[float, float] = (1.5, 3.0)
    screw_attenuation: tuple[float, float] = (1.5, 3.5)
    bar_attenuation: tuple[float, float] = (2.0, 5.0)  # in the middle of the round bar
    wire_attenuation: tuple[float, float] = (0.8, 2.0)
    collimator_transmission: float = 0.02
    opening: tuple[float, float] = (0.3, 0.5)  # of rectangle and leaves, from the centre
    max_edge_blur_px: float = 2.0  # the focal spot blurs the collimator's edge, far from the skin


PRESETS = {
    'obstructed': ObstructionConfig(plates=1, bars=2, wires=2, collimator='any'),
    'implants': ObstructionConfig(plates=1, wires=2),
    'instruments': ObstructionConfig(bars=2, wires=1),
    'circle': ObstructionConfig(collimator='circle'),
    'rectangle': ObstructionConfig(collimator='rectangle'),
    'leaves': ObstructionConfig(collimator='leaves'),
}


def preset(name):
    """Return the ObstructionConfig of that name; raises InputError for an unknown one."""
    if name not in PRESETS:
        raise InputError(f'no preset {name!r} of obstructions, expected one of {list(PRESETS)}')
    return PRESETS[name]


def obstruct(line_integrals, config, rng):
    """
    Put obstructions before a patient.

    line_integrals  [H, W] ideal ones of the patient
    config          ObstructionConfig
    rng             numpy Generator, which draws places and sizes

    Returns (line integrals with obstructions [H, W], obstructed [H, W] bool: where they change by
    more than 0.1).  Raises InputError for an unknown collimator.
    """
    if config.collimator not in COLLIMATORS:
        raise InputError(
            f'collimator is {config.collimator!r}, expected one of {", ".join(COLLIMATORS)}'
        )
    added = np.zeros(line_integrals.shape)
    for _ in range(config.plates):
        added += _plate(added.shape, config, rng)
    for _ in range(config.bars):
        added += _bar(added.shape, config, rng)
    for _ in range(config.wires):
        added += _wire(added.shape, config, rng)
    if config.collimator != 'none':
        is_open = _collimator(added.shape, config, rng)
        closed = config.collimator_transmission
        added -= np.log(closed + (1 - closed) * is_open)
    return line_integrals + added, added > 0.1


def _plate(shape, config, rng):
    """Draw a plate with round holes, and screws that leave it at an angle."""
    width = shape[1]
    centre = np.array(shape[::-1]) * (0.5 + rng.uniform(-0.2, 0.2, 2))
    angle = rng.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    half_length, half_width = width * rng.uniform(0.15, 0.28), width * rng.uniform(0.025, 0.035)
    corners = [
        centre + a * half_length * along + b * half_width * across
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    canvas = _Canvas(shape)
    canvas.polygon(corners, rng.uniform(*config.plate_attenuation))
    screw_attenuation = rng.uniform(*config.screw_attenuation)
    screws = np.zeros(shape)
    for share in np.linspace(-0.85, 0.85, rng.integers(4, 8)):
        hole = centre + share * half_length * along
        canvas.disc(hole, 0.5 * half_width, 0.0)
        if rng.uniform() < 0.7:
            turned = rng.uniform(-0.5, 0.5) * along + rng.choice((-1, 1)) * across
            tip = hole + width * rng.uniform(0.02, 0.14) * turned
            shaft = _Canvas(shape)
            shaft.line([hole, tip], 0.017 * width, screw_attenuation)
            shaft.disc(hole, 0.6 * half_width, screw_attenuation)
            screws = np.maximum(screws, shaft.image())
    return canvas.image() + screws


def _bar(shape, config, rng):
    """Draw a round bar through the whole image."""
    height, width = shape
    angle = rng.uniform(0, np.pi)
    through = np.array([width, height]) * (0.5 + rng.uniform(-0.35, 0.35, 2))
    radius = width * rng.uniform(0.01, 0.025)
    v, u = np.mgrid[:height, :width]
    distance = (u - through[0]) * -np.sin(angle) + (v - through[1]) * np.cos(angle)
    chord = np.sqrt(np.maximum(1 - (distance / radius) ** 2, 0))
    return rng.uniform(*config.bar_attenuation) * chord


def _wire(shape, config, rng):
    """Draw a smooth curve from border to border."""
    size = np.array(shape[::-1], float)
    ends = rng.uniform(0, 1, (4, 2))
    side = rng.integers(2)
    ends[0, side], ends[3, side] = 0, 1
    t = np.linspace(0, 1, 200)[:, None]
    bezier = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])
    canvas = _Canvas(shape)
    thickness = shape[1] * rng.uniform(0.004, 0.01)
    canvas.line(bezier @ (ends * size), thickness, rng.uniform(*config.wire_attenuation))
    return canvas.image()


def _collimator(shape, config, rng):
    """Return how open each pixel is [H, W], 0 to 1."""
    height, width = shape
    kind = config.collimator
    if kind == 'any':
        kind = rng.choice(COLLIMATORS[1:-1])
    v, u = np.mgrid[:height, :width] / width
    u, v = u - 0.5, v - 0.5 * height / width
    if kind == 'circle':
        centre = rng.uniform(-0.03, 0.03, 2)
        is_open = np.hypot(u - centre[0], v - centre[1]) < rng.uniform(0.36, 0.5)
    else:
        angle = np.deg2rad(rng.uniform(-30, 30)) if kind == 'leaves' else 0.0
        x, y = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
        left, right, top, bottom = rng.uniform(*config.opening, 4)
        is_open = (x > -left) & (x < right) & (y > -top) & (y < bottom)
    return gaussian_filter(is_open.astype(float), rng.uniform(0.5, config.max_edge_blur_px))


class _Canvas:
    """Draws with OpenCV's shapes, finer than the image and then averaged."""

    def __init__(self, shape):
        self._fine = np.zeros((shape[0] * _FINER, shape[1] * _FINER), np.float32)

    def _points(self, points):
        return np.round((np.asarray(points) + 0.5) * _FINER - 0.5).astype(np.int32)

    def polygon(self, corners, value):
        cv2.fillPoly(self._fine, [self._points(corners)], float(value))

    def disc(self, centre, radius, value):
        centre = tuple(int(x) for x in self._points(centre))
        cv2.circle(self._fine, centre, round(radius * _FINER), float(value), -1)

    def line(self, points, thickness, value):
        thickness = max(1, round(thickness * _FINER))
        cv2.polylines(self._fine, [self._points(points)], False, float(value), thickness)

    def image(self):
        """Return what was drawn [H, W] float32."""
        height, width = self._fine.shape
        return self._fine.reshape(height // _FINER, _FINER, width // _FINER, _FINER).mean((1, 3))
