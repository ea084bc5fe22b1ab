"""X-rays and masks from files: PNG, TIFF and .npy, with all their bits."""

from pathlib import Path

import cv2
import numpy as np

from surgical_perception.errors import InputError

_PICTURES = ('.png', '.tif', '.tiff')


def load_xray(path):
    """
    Read an X-ray [H, W]: uint8 or uint16 from PNG or TIFF, float32 from .npy.

    Raises InputError, naming the file, for other formats, colour, several pages and damage.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: there is no such file')
    suffix = path.suffix.lower()
    if suffix == '.npy':
        return _load_npy(path)
    if suffix in _PICTURES:
        return _load_picture(path)
    raise InputError(
        f'{path}: is of no known image format: expected {", ".join(_PICTURES)} or .npy'
    )


def load_mask(path):
    """Read a mask [H, W] bool, True where the pixel is not 0; raises InputError if empty."""
    mask = load_xray(path) != 0
    if not mask.any():
        raise InputError(f'{path}: the mask is 0 everywhere, so no pixel could be used')
    return mask


def save_picture(path, rgb):
    """Write a picture [H, W, 3] uint8 (RGB) as PNG; raises InputError where it cannot."""
    if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)):
        raise InputError(f'{path}: the picture cannot be written')


def _load_npy(path):
    try:
        pixels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f'{path}: cannot be read as .npy: {error}') from None
    if not isinstance(pixels, np.ndarray) or not np.issubdtype(pixels.dtype, np.floating):
        kind = getattr(pixels, 'dtype', type(pixels).__name__)
        raise InputError(f'{path}: holds {kind}, expected float32')
    if pixels.ndim != 2:
        raise InputError(f'{path}: has shape {pixels.shape}, expected rows and columns')
    return pixels.astype(np.float32)


def _load_picture(path):
    # OpenCV's decoders write to stderr besides failing.
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        _, pages = cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise InputError(f'{path}: cannot be decoded: {error.err}') from None
    finally:
        cv2.utils.logging.setLogLevel(level)
    if len(pages) != 1:
        what = f'holds {len(pages)} images, expected one' if pages else 'is damaged or no picture'
        raise InputError(f'{path}: {what}')
    pixels = pages[0]
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(f'{path}: holds {pixels.dtype} pixels, expected 8 or 16 bits')
    if pixels.ndim == 3:
        # Screen shots store grey three times; an opaque fourth channel adds nothing.
        if (pixels[..., :3] != pixels[..., :1]).any():
            raise InputError(f'{path}: is a colour picture, expected one grey channel')
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels)
