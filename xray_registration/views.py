"""One X-ray as the registration takes it: line integrals, camera, pose, mask."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from surgical_perception.errors import InputError

INTENSITIES = ('raw', 'log', 'inverted')

# Binned for a coarse level, a smaller or narrower image has no pixel left on its shorter side.
MIN_SIDE_PX = 8
MAX_ASPECT = 8
# Counts of 16 bits that are taken for line integrals stay far below; sums of squares of more
# would leave float32.
MAX_INTEGRAL = 1e9


@dataclass(frozen=True)
class View:
    """
    An X-ray with its geometry.

    image                   [H, W] float32: line integrals (bone bright) up to gain and offset, as
                            `line_integrals` makes them; finite
    camera                  surgical_perception.geometry.camera.PinholeCamera of that image
    camera_from_reference   [4, 4] float64 (m); identity where the reference is the camera itself
    mask                    [H, W] bool, True where the image may be used; None uses all of it
    """

    image: np.ndarray
    camera: object
    camera_from_reference: np.ndarray = field(default_factory=lambda: np.eye(4))
    mask: np.ndarray | None = None

    def __post_init__(self):
        expected = (self.camera.height, self.camera.width)
        if self.image.shape != expected:
            raise InputError(
                f'the image is {self.image.shape[1]}x{self.image.shape[0]} but its camera says '
                f'{expected[1]}x{expected[0]}: use the camera_info of this image'
            )
        short, long = sorted(expected)
        if short < MIN_SIDE_PX or long > MAX_ASPECT * short:
            raise InputError(
                f'the image is {expected[1]}x{expected[0]}: too small or too narrow to register, '
                f'it needs {MIN_SIDE_PX} pixels and an eighth of its longer side on the shorter'
            )
        top = float(np.abs(self.image).max())
        if not np.isfinite(top):
            raise InputError('the image holds NaN or infinity')
        if top > MAX_INTEGRAL:
            raise InputError(f'the image reaches {top:.3g}: these are no line integrals')
        if self.mask is not None and self.mask.shape != expected:
            raise InputError(
                f'the mask is {self.mask.shape[1]}x{self.mask.shape[0]} but the image is '
                f'{expected[1]}x{expected[0]}'
            )


def line_integrals(pixels, intensity):
    """
    Convert detector pixels [H, W] to line integrals [H, W] float32, bone bright.

    `raw`: proportional to photon counts (bone dark): -log(I / I_max), counts floored at 1.
    `log`: line integrals already (bone bright), used as they are.
    `inverted`: display inverted line integrals (bone dark): maximum minus pixel.
    16-bit values keep all their bits.  Raises InputError for another name or a blank image.
    """
    if intensity not in INTENSITIES:
        raise InputError(f'intensity is {intensity!r}, expected one of {", ".join(INTENSITIES)}')
    pixels = np.asarray(pixels)
    if pixels.ndim != 2:
        raise InputError(f'the image has shape {pixels.shape}, expected one grey channel')
    values = pixels.astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError('the image holds NaN or infinity')
    if intensity == 'raw':
        top = float(values.max())
        if top <= 0:
            raise InputError('the raw image has no positive pixel: is it blank, or intensity log?')
        # Integer counts end at 1; a float image may be scaled to [0, 1], so its floor is relative,
        # and above 0 for the smallest numbers too.
        integer = np.issubdtype(pixels.dtype, np.integer)
        floor = 1.0 if integer else max(top * 1e-5, np.finfo(np.float32).tiny)
        return np.log(np.float32(top)) - cv2.log(np.maximum(values, np.float32(floor)))
    if intensity == 'inverted':
        return values.max() - values
    return values
