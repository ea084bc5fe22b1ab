"""Image messages <-> arrays: layouts, lies, and anything that a driver may send."""

import array
import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from surgical_perception import images
from surgical_perception.errors import InputError

LAYOUTS = images.PLAIN_ENCODINGS | images.RGB_ENCODINGS


def message(height, width, encoding, step, data, is_bigendian=0):
    return SimpleNamespace(
        height=height,
        width=width,
        encoding=encoding,
        step=step,
        is_bigendian=is_bigendian,
        data=data,
    )


def empty_message():
    return message(0, 0, '', 0, array.array('B'))


def oracle(msg):
    """Read pixel by pixel with struct; None where sizes or encoding are a lie."""
    if msg.encoding not in images.PLAIN_ENCODINGS or 0 in (msg.height, msg.width):
        return None
    kind, channels = images.PLAIN_ENCODINGS[msg.encoding]
    code = ('>' if msg.is_bigendian else '<') + {'u1': 'B', 'u2': 'H', 'f4': 'f'}[kind] * channels
    if msg.width * struct.calcsize(code) > msg.step or msg.step * msg.height != len(msg.data):
        return None
    data = bytes(msg.data)
    rows = [
        [
            struct.unpack_from(code, data, row * msg.step + column * struct.calcsize(code))
            for column in range(msg.width)
        ]
        for row in range(msg.height)
    ]
    pixels = np.array(rows, np.dtype(kind))
    return pixels[..., 0] if channels == 1 else pixels


@st.composite
def image_arrays(draw):
    encoding = draw(st.sampled_from(sorted(images.PLAIN_ENCODINGS)))
    kind, channels = images.PLAIN_ENCODINGS[encoding]
    shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    shape = shape if channels == 1 else (*shape, channels)
    return encoding, draw(arrays.arrays(np.dtype(kind), shape))


@given(image_arrays(), st.booleans())
def test_what_is_written_is_read(case, swapped):
    encoding, image = case
    given_image = image.astype(image.dtype.newbyteorder('S')) if swapped else image
    msg = images.fill_image_message(empty_message(), given_image, encoding)
    assert isinstance(msg.data, array.array) and msg.data.typecode == 'B'
    assert len(msg.data) == msg.step * msg.height
    got = images.image_from_message(msg)
    assert got.dtype == image.dtype and got.dtype.isnative
    np.testing.assert_array_equal(got, image)


@given(image_arrays(), st.integers(0, 5), st.booleans(), st.sampled_from([bytes, np.array]))
def test_padding_and_byte_order_are_honoured(case, padding, big, container):
    encoding, image = case
    rows = image.astype(image.dtype.newbyteorder('>' if big else '<')).reshape(len(image), -1)
    data = b''.join(row.tobytes() + b'\xaa' * padding for row in rows)
    step = len(data) // len(image)
    if container is np.array:
        data = np.frombuffer(data, np.uint8)
    msg = message(*image.shape[:2], encoding, step, data, int(big))
    got = images.image_from_message(msg)
    assert got.flags.aligned and got.dtype.isnative
    np.testing.assert_array_equal(got, image)


def test_an_ordinary_image_is_not_copied():
    msg = images.fill_image_message(empty_message(), np.zeros((4, 6), np.uint16), 'mono16')
    got = images.image_from_message(msg)
    msg.data[2] = 7
    assert got[0, 1] == 7


@st.composite
def garbage(draw):
    """Any values the message type admits; each one is a lie once in five times."""

    def mostly(truth, lies):
        return draw(lies) if draw(st.integers(0, 4)) == 0 else truth

    encoding = mostly(draw(st.sampled_from(sorted(LAYOUTS))), st.text(max_size=12))
    kind, channels, *_ = LAYOUTS.get(encoding, ('u1', 1))
    uint32 = st.one_of(st.integers(0, 6), st.integers(0, 2**32 - 1))
    height, width = (
        mostly(draw(st.integers(1, 6)), uint32),
        mostly(draw(st.integers(1, 6)), uint32),
    )
    row = min(width * channels * np.dtype(kind).itemsize, 2**32 - 4)
    step = mostly(row + draw(st.integers(0, 3)), st.one_of(st.integers(0, row), uint32))
    length = min(mostly(step * height, st.integers(0, 100)), 400)
    data = array.array('B', draw(st.binary(min_size=length, max_size=length)))
    return message(height, width, encoding, step, data, draw(st.integers(0, 255)))


@settings(max_examples=1000)
@given(garbage())
def test_garbage_is_refused_or_read_right(msg):
    expected = oracle(msg)
    try:
        got = images.image_from_message(msg)
    except InputError as error:
        assert expected is None and str(error)
        return
    if msg.encoding in images.PLAIN_ENCODINGS:
        np.testing.assert_array_equal(got, expected)
    else:
        assert got.shape == (msg.height, msg.width, 3)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'step': 11}, 'step 11, a row needs 12 bytes'),
        ({'data': bytes(47)}, 'has 47 bytes of data, step x height is 48'),
        ({'data': bytes(49)}, 'has 49 bytes'),
        ({'data': b''}, 'has 0 bytes'),
        ({'width': 0}, '0x4 mono16 image is empty'),
        ({'encoding': 'mono12'}, "'mono12' is unknown: publish one of mono8.*32FC1.*bayer_rggb8"),
    ],
)
def test_lies_are_named(change, reason):
    msg = message(4, 6, 'mono16', 12, bytes(48))
    vars(msg).update(change)
    with pytest.raises(InputError, match=reason):
        images.image_from_message(msg)


@pytest.mark.parametrize(
    ('image', 'encoding'),
    [
        (np.zeros((4, 4), np.uint8), 'mono16'),
        (np.zeros((4, 4), np.float64), '32FC1'),
        (np.zeros((4, 4), np.uint8), 'rgb8'),
        (np.zeros((4, 4, 3), np.uint8), 'mono8'),
        (np.zeros((4, 4, 4), np.uint8), 'rgb8'),
        (np.zeros(4, np.uint8), 'mono8'),
        (np.zeros((0, 4), np.uint8), 'mono8'),
        (np.uint8(3), 'mono8'),
        (np.zeros((4, 4), np.uint8), 'bayer_rggb8'),
    ],
)
def test_writing_converts_nothing_silently(image, encoding):
    with pytest.raises(InputError):
        images.fill_image_message(empty_message(), image, encoding)


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('colour', [0, 1, 2])
def test_bayer_patterns_give_the_colour_that_they_name(pattern, bits, colour):
    kind, high = np.dtype(f'u{bits // 8}'), 200 << (bits - 8)
    cell = np.array([high if letter == 'rgb'[colour] else 0 for letter in pattern], kind)
    mosaic = np.tile(cell.reshape(2, 2), (4, 4))
    msg = message(8, 8, f'bayer_{pattern}{bits}', mosaic.strides[0], mosaic.tobytes())
    expected = np.zeros(3)
    expected[colour] = high
    rgb = images.image_from_message(msg)
    assert rgb.dtype == kind
    np.testing.assert_array_equal(rgb[2:-2, 2:-2], np.broadcast_to(expected, (4, 4, 3)))


@pytest.mark.parametrize('encoding', ['yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv'])
def test_yuv_of_pure_red(encoding):
    y, u, v = 82, 90, 240  # red in BT.601 with limited range
    pair = [u, y, v, y] if encoding in ('yuv422', 'uyvy') else [y, u, y, v]
    rgb = images.image_from_message(message(2, 4, encoding, 8, bytes(pair * 4)))
    assert np.abs(rgb.astype(int) - [255, 0, 0]).max() <= 3
    with pytest.raises(InputError, match='cannot be converted'):
        images.image_from_message(message(2, 3, encoding, 8, bytes(16)))


def compressed(data, name='png'):
    return SimpleNamespace(format=name, data=array.array('B', data))


def test_compressed_images_keep_their_depth_and_come_out_as_rgb():
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    ok, data = cv2.imencode('.png', deep)
    assert ok
    np.testing.assert_array_equal(
        images.image_from_compressed_message(compressed(data.tobytes())), deep
    )
    for channels in (3, 4):
        rgb = np.arange(12 * channels, dtype=np.uint8).reshape(3, 4, channels)
        swapped = rgb[..., [2, 1, 0, 3][:channels]]
        ok, data = cv2.imencode('.png', np.ascontiguousarray(swapped))
        assert ok
        np.testing.assert_array_equal(
            images.image_from_compressed_message(compressed(data.tobytes())), rgb
        )


@given(st.binary(max_size=64))
def test_compressed_garbage_is_refused(data):
    for prefix in (b'', b'\x89PNG\r\n\x1a\n', b'\xff\xd8\xff'):
        with pytest.raises(InputError, match='cannot be decoded: publish JPEG or PNG'):
            images.image_from_compressed_message(compressed(prefix + data))


@pytest.mark.parametrize(
    ('encoding', 'pixel', 'expected'),
    [
        ('rgb8', (10, 20, 30), (10, 20, 30)),
        ('bgr8', (10, 20, 30), (30, 20, 10)),
        ('rgba8', (10, 20, 30, 255), (10, 20, 30)),
        ('bgra8', (10, 20, 30, 255), (30, 20, 10)),
        ('mono8', (7,), (7, 7, 7)),
        ('mono16', (0x1234,), (0x12, 0x12, 0x12)),
    ],
)
def test_every_plain_colour_becomes_rgb(encoding, pixel, expected):
    kind, channels = images.PLAIN_ENCODINGS[encoding]
    pixels = np.empty((3, 4, channels), kind)
    pixels[:] = pixel
    msg = images.fill_image_message(empty_message(), pixels.squeeze(), encoding)
    rgb = images.rgb_from_message(msg)
    assert rgb.dtype == np.uint8 and rgb.shape == (3, 4, 3) and rgb.flags.c_contiguous
    assert (rgb == expected).all()


def test_a_mosaic_becomes_rgb_of_eight_bits():
    mosaic = np.full((4, 4), 0x2000, np.uint16)
    msg = message(4, 4, 'bayer_rggb16', 8, array.array('B', mosaic.tobytes()))
    assert (images.rgb_from_message(msg) == 0x20).all()


def test_a_float_image_has_no_colour():
    msg = images.fill_image_message(empty_message(), np.ones((2, 2), np.float32), '32FC1')
    with pytest.raises(InputError, match='no colour image'):
        images.rgb_from_message(msg)
