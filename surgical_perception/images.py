"""
sensor_msgs/Image and CompressedImage <-> numpy, without cv_bridge.

cv_bridge breaks with NumPy 2 and has no wheel; for Bayer, YUV and compressed images it calls
OpenCV, as this does.  Works on any object with the message's fields (rclpy's, rosbags').
"""

import array
import sys

import cv2
import numpy as np

from surgical_perception.errors import InputError

# encoding -> (numpy type, channels), the names of sensor_msgs/image_encodings.hpp
PLAIN_ENCODINGS = {
    'mono8': ('u1', 1),
    '8UC1': ('u1', 1),
    'mono16': ('u2', 1),
    '16UC1': ('u2', 1),
    '32FC1': ('f4', 1),
    'rgb8': ('u1', 3),
    'bgr8': ('u1', 3),
    'rgba8': ('u1', 4),
    'bgra8': ('u1', 4),
}

# encoding -> (numpy type, bytes interleaved per pixel, name of OpenCV's conversion to RGB).
# Names, because OpenCV 5 renumbered the codes.
RGB_ENCODINGS = {
    f'bayer_{pattern}{8 * size}': (f'u{size}', 1, f'COLOR_Bayer{pattern.upper()}2RGB')
    for pattern in ('rggb', 'bggr', 'gbrg', 'grbg')
    for size in (1, 2)
} | {
    'yuv422': ('u1', 2, 'COLOR_YUV2RGB_UYVY'),
    'uyvy': ('u1', 2, 'COLOR_YUV2RGB_UYVY'),
    'yuv422_yuy2': ('u1', 2, 'COLOR_YUV2RGB_YUY2'),
    'yuyv': ('u1', 2, 'COLOR_YUV2RGB_YUY2'),
}


def image_from_message(msg):
    """
    Return the pixels of a sensor_msgs/Image: [H, W], or [H, W, C] for more than one channel.

    The type is native uint8, uint16 or float32 and the channels keep the order of the encoding;
    Bayer and YUV 4:2:2 images come out as RGB.  Where no byte has to move, the result is a view
    of `msg.data` (row padding included in its strides): copy it before writing.

    Raises InputError for an unknown encoding and for sizes that contradict each other.
    """
    pixels = pixels_as_sent(msg)
    # Rows may start at odd bytes: torch and compiled kernels take neither that nor swapped bytes.
    pixels = np.require(pixels, pixels.dtype.newbyteorder('='), 'A')
    if msg.encoding in PLAIN_ENCODINGS:
        return pixels
    *_, conversion = RGB_ENCODINGS[msg.encoding]
    return _converted(np.ascontiguousarray(pixels), conversion, _name(msg))


def rgb_from_message(msg):
    """
    Return the pixels of a sensor_msgs/Image as RGB [H, W, 3] uint8, C-contiguous.

    Grey becomes three equal channels, alpha is dropped, and of 16 bits the upper eight stay.
    Raises InputError as `image_from_message` does, and for float images, whose range is unknown.
    """
    pixels = image_from_message(msg)
    if pixels.dtype.kind == 'f':
        raise InputError(f'{_name(msg)} is no colour image: publish rgb8, bgr8 or mono8')
    return _rgb(pixels, blue_first=msg.encoding.startswith('bgr'))


def rgb_from_compressed_message(msg):
    """Return the pixels of a sensor_msgs/CompressedImage as `rgb_from_message` does."""
    return _rgb(image_from_compressed_message(msg))


def pixels_as_sent(msg):
    """
    Return the data of a sensor_msgs/Image as a view [H, W] or [H, W, C]; nothing is copied.

    Byte order, alignment and mosaic are those of the message.  Raises InputError for an unknown
    encoding and for sizes that contradict each other.
    """
    layout = PLAIN_ENCODINGS.get(msg.encoding) or RGB_ENCODINGS.get(msg.encoding)
    if layout is None:
        known = ', '.join([*PLAIN_ENCODINGS, *RGB_ENCODINGS])
        raise InputError(f'image encoding {msg.encoding!r} is unknown: publish one of {known}')
    if msg.width < 1 or msg.height < 1:
        raise InputError(f'{_name(msg)} is empty: check the driver')
    kind, channels, *_ = layout
    sent = np.dtype(kind).newbyteorder('>' if msg.is_bigendian else '<')
    pixel_bytes = sent.itemsize * channels
    if msg.step < msg.width * pixel_bytes:
        raise InputError(
            f'{_name(msg)} has step {msg.step}, a row needs {msg.width * pixel_bytes} bytes: '
            'step counts bytes, not pixels'
        )
    if len(msg.data) != msg.step * msg.height:
        raise InputError(
            f'{_name(msg)} has {len(msg.data)} bytes of data, step x height is '
            f'{msg.step * msg.height}: check the driver'
        )
    shape, strides = (msg.height, msg.width), (msg.step, pixel_bytes)
    if channels > 1:
        shape, strides = (*shape, channels), (*strides, sent.itemsize)
    return np.ndarray(shape, sent, np.frombuffer(msg.data, np.uint8), strides=strides)


def image_from_compressed_message(msg):
    """
    Return the pixels of a sensor_msgs/CompressedImage: [H, W], or [H, W, 3 or 4] as RGB(A).

    The depth of the file is kept (16-bit PNG gives uint16).  Raises InputError where OpenCV cannot
    decode it.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(msg.data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(
            f'compressed image ({len(msg.data)} bytes, format {msg.format!r}) cannot be decoded: '
            'publish JPEG or PNG'
        )
    if pixels.ndim == 2:
        return pixels
    conversion = 'COLOR_BGRA2RGBA' if pixels.shape[2] == 4 else 'COLOR_BGR2RGB'
    return _converted(pixels, conversion, f'compressed image, format {msg.format!r},')


def fill_image_message(msg, image, encoding):
    """
    Write an array [H, W] or [H, W, C] into a sensor_msgs/Image (header apart) and return it.

    Raises InputError where type or shape do not fit the encoding: nothing is converted silently.
    """
    if encoding not in PLAIN_ENCODINGS:
        raise InputError(
            f'image encoding {encoding!r} cannot be written: use {", ".join(PLAIN_ENCODINGS)}'
        )
    kind, channels = PLAIN_ENCODINGS[encoding]
    image = np.asarray(image)
    shape = (*image.shape[:2], channels) if channels > 1 else image.shape[:2]
    fits = image.ndim >= 2 and image.size and image.shape == shape
    if not fits or image.dtype.newbyteorder('=') != np.dtype(kind):
        raise InputError(
            f'array {image.shape} of {image.dtype} is no {encoding} image: expected '
            f'{channels} channel(s) of {np.dtype(kind)}'
        )
    image = np.ascontiguousarray(image, np.dtype(kind))
    msg.height, msg.width = shape[:2]
    msg.encoding = encoding
    msg.is_bigendian = int(sys.byteorder == 'big')
    msg.step = image.strides[0]
    # The one assignment that every distribution's rclpy takes without a look at each byte.
    data = array.array('B')
    data.frombytes(image.reshape(-1).view(np.uint8))
    msg.data = data
    return msg


def _rgb(pixels, blue_first=False):
    """Return uint8 or uint16 pixels [H, W] or [H, W, 3 or 4] as RGB [H, W, 3] uint8."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, -1)
    return np.ascontiguousarray(pixels[..., 2::-1] if blue_first else pixels[..., :3])


def _name(msg):
    return f'{msg.width}x{msg.height} {msg.encoding} image'


def _converted(pixels, conversion, what):
    try:
        return cv2.cvtColor(pixels, getattr(cv2, conversion))
    except cv2.error as error:
        raise InputError(f'{what} cannot be converted to RGB by OpenCV: {error.err}') from None
