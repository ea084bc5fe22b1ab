"""Messages that no driver should send, and what the conventions say of each."""

import array
import math
import os
import struct

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped, TransformStamped
from hypothesis import strategies as st
from sensor_msgs.msg import CameraInfo, Image

WIDTH, HEIGHT, FOCAL_PX = 12, 10, 40.0
STAMP_S = 1_700_000_000
# Encodings of one grey channel: their bytes per pixel, and struct's code.
GREY = {'mono8': 'B', '8UC1': 'B', 'mono16': 'H', '16UC1': 'H', '32FC1': 'f'}
OTHER_ENCODINGS = (
    '', 'rgb8', 'bgr8', 'rgba8', 'bgra8', 'bayer_rggb8', 'bayer_gbrg16', 'uyvy', 'yuyv', 'mono12',
    'MONO16', '8UC3', '32SC1', '64FC1', 'mono16; drop',
)  # fmt: skip

# A Python float that a float32 field takes, and the numbers at which arithmetic goes wrong.
NUMBERS = st.sampled_from(
    (0.0, -0.0, 1.0, -1.0, 1e-3, 40.0, -40.0, 41.9, 42.2, 1e6, 5e-324, 1e-300, 1e-38, 1e300,
     1.7e308, -1e300, 1e8, 1.1e8, math.nan, math.inf, -math.inf)
) | st.floats()  # fmt: skip
FRAMES = st.sampled_from(('', '/carm', '/', 'carm', 'other', ' ', 'ct', 'a/b', 'ä' * 300)) | (
    st.text(max_size=5)
)
UINT32 = st.sampled_from((0, 1, 9, 10, 11, 12, 13, 24, 255, 65536, 2**31, 2**32 - 1))

# The whole of what benchmarks/reliability.py runs, as a share of it here.
SHARE = float(os.environ.get('SURGICAL_PERCEPTION_FUZZ_SHARE', '0.2'))


def examples(count):
    """Return how many of `count` examples are to be run."""
    return max(1, round(SHARE * count))


def good_image(encoding='mono16'):
    """Return a proper X-ray."""
    kind = np.dtype({'B': np.uint8, 'H': np.uint16, 'f': np.float32}[GREY[encoding]])
    pixels = (np.arange(WIDTH * HEIGHT) % 97 + 1).astype(kind)
    step = WIDTH * kind.itemsize
    image = Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=step)
    image.data = array.array('B', pixels.tobytes())
    return _stamped(image)


def good_info():
    """Return the CameraInfo of `good_image`."""
    info = CameraInfo(width=WIDTH, height=HEIGHT)
    info.k = _intrinsics(FOCAL_PX, (WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    return _stamped(info)


def _intrinsics(focal_px, cx, cy):
    return [focal_px, 0.0, cx, 0.0, focal_px, cy, 0.0, 0.0, 1.0]


def _stamped(message):
    message.header.stamp.sec = STAMP_S
    message.header.frame_id = 'carm'
    return message


def _encoding(draw, image, _info):
    image.encoding = draw(st.sampled_from((*GREY, *OTHER_ENCODINGS)) | st.text(max_size=4))


def _size(draw, image, _info):
    setattr(image, draw(st.sampled_from(('width', 'height', 'step'))), draw(UINT32))


def _data(draw, image, _info):
    length = draw(st.sampled_from((0, 1, -1, -2, 2)))
    data = bytes(image.data)
    image.data = array.array('B', data[:length] if length <= 0 else data + bytes(length))


def _fill(draw, image, _info):
    image.data = array.array('B', bytes([draw(st.integers(0, 255))]) * len(image.data))


def _padding(draw, image, _info):
    """Rows with padding: an image that is right, and that a careless reader garbles."""
    padding = draw(st.integers(1, 5))
    data, step = bytes(image.data), image.step
    rows = [data[i : i + step] + b'\xff' * padding for i in range(0, len(data), step or 1)]
    image.data, image.step = array.array('B', b''.join(rows)), step + padding


def _big_endian(draw, image, _info):
    image.is_bigendian = draw(st.sampled_from((0, 1, 2, 255)))


def _float_pixels(draw, image, _info):
    values = np.full(WIDTH * HEIGHT, draw(st.floats(width=32)), np.float32)
    values[draw(st.integers(0, len(values) - 1))] = draw(st.floats(width=32))
    image.encoding, image.step, image.width, image.height = '32FC1', 4 * WIDTH, WIDTH, HEIGHT
    image.is_bigendian = 0
    image.data = array.array('B', values.tobytes())


def _stamp(draw, image, info):
    # Far from the end of int32: a stamp is a time, but its sum with a duration has to fit too.
    sec = draw(st.sampled_from((0, 1, -1, -(2**31), STAMP_S, 2_000_000_000)))
    nanosec = draw(st.sampled_from((0, 1, 999_999_999, 1_000_000_000, 2**32 - 1)))
    for message in (image, info):
        message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec


def _frame(draw, image, info):
    image.header.frame_id = info.header.frame_id = draw(FRAMES)


def _k(draw, _image, info):
    info.k[draw(st.integers(0, 8))] = draw(NUMBERS)


def _focal(draw, _image, info):
    info.k = _intrinsics(*(draw(NUMBERS) for _ in range(3)))


def _p(draw, _image, info):
    k = info.k.reshape(3, 3)
    info.p = np.hstack([k, np.zeros((3, 1))]).ravel().tolist()
    if draw(st.booleans()):
        info.p[draw(st.integers(0, 11))] = draw(NUMBERS)


def _distortion(draw, _image, info):
    info.d = [draw(NUMBERS) for _ in range(draw(st.integers(0, 5)))]


def _info_size(draw, _image, info):
    setattr(info, draw(st.sampled_from(('width', 'height'))), draw(UINT32))


FAULTS = (
    _encoding, _size, _data, _fill, _padding, _big_endian, _float_pixels, _stamp, _frame, _k,
    _focal, _p, _distortion, _info_size,
)  # fmt: skip


@st.composite
def shots(draw):
    """Draw an (Image, CameraInfo) with up to three faults, some of which are none."""
    image, info = good_image(draw(st.sampled_from(sorted(GREY)))), good_info()
    for fault in draw(st.lists(st.sampled_from(FAULTS), max_size=3)):
        fault(draw, image, info)
    return image, info


def is_good(image, info):
    """Tell by the conventions, pixel by pixel, whether a raw X-ray with its camera may be used."""
    stamp = image.header.stamp
    if stamp.sec < 0 or stamp.nanosec >= 10**9 or (stamp.sec, stamp.nanosec) == (0, 0):
        return False
    frame = image.header.frame_id
    if not frame or frame[0] == '/' or image.encoding not in GREY:
        return False
    code = GREY[image.encoding]
    row_bytes = image.width * struct.calcsize(code)
    if not image.width or not image.height or row_bytes > image.step:
        return False
    if image.step * image.height != len(image.data):
        return False
    sides = sorted((image.width, image.height))
    if sides[0] < 8 or sides[1] > 8 * sides[0]:
        return False
    if (info.width, info.height) != (image.width, image.height) or not _is_pinhole(info):
        return False
    row = f'{">" if image.is_bigendian else "<"}{image.width}{code}'
    pixels = [
        number
        for begin in range(0, len(image.data), image.step)
        for number in struct.unpack_from(row, image.data, begin)
    ]
    return all(map(math.isfinite, pixels)) and max(pixels) > 0


def _is_pinhole(info):
    k, p = list(info.k), list(info.p)
    if k[0] == 0 or (p[0] == 0 and any(number != 0 for number in info.d)):
        return False
    fx, skew, cx, fy, cy = (
        (k[0], k[1], k[2], k[4], k[5]) if p[0] == 0 else (p[0], p[1], p[2], p[5], p[6])
    )
    if skew != 0 or not all(map(math.isfinite, (fx, fy, cx, cy))) or min(fx, fy) <= 0:
        return False
    # From nearly half a sphere to nearly parallel: no X-ray or endoscope camera is beyond.
    if not 0.04 < fx / info.width < 1000 or abs(fx / fy - 1) > 0.05:
        return False
    return -0.5 <= cx <= info.width - 0.5 and -0.5 <= cy <= info.height - 0.5


@st.composite
def rigid(draw, fill):
    """Draw a translation and a quaternion, and let `fill(x, y, z, qx, qy, qz, qw)` use them."""
    angle = draw(st.floats(-math.pi, math.pi))
    numbers = [0.1, -0.2, 0.3, math.sin(angle / 2), 0.0, 0.0, math.cos(angle / 2)]
    for place in draw(st.lists(st.integers(0, 6), max_size=2)):
        numbers[place] = draw(NUMBERS)
    return fill(numbers)


def _fill(position, orientation, numbers):
    position.x, position.y, position.z = numbers[:3]
    orientation.x, orientation.y, orientation.z, orientation.w = numbers[3:]


def _pose(numbers):
    message = _stamped(PoseWithCovarianceStamped())
    _fill(message.pose.pose.position, message.pose.pose.orientation, numbers)
    return message


def _transform(numbers):
    message = TransformStamped(child_frame_id='carm')
    message.header.frame_id = 'patient'
    _fill(message.transform.translation, message.transform.rotation, numbers)
    return message


def poses():
    """Draw a PoseWithCovarianceStamped."""
    return rigid(_pose)


@st.composite
def transforms(draw):
    """Draw a TransformStamped of carm in patient, sometimes of other frames."""
    message = draw(rigid(_transform))
    if draw(st.integers(0, 4)) == 0:
        message.header.frame_id, message.child_frame_id = draw(FRAMES), draw(FRAMES)
    message.header.stamp.sec = draw(st.sampled_from((0, 1, 2, 3)))
    return message


def is_rigid(position, orientation, norm_tolerance):
    """Tell whether position and quaternion are those of a rigid transform."""
    numbers = (position.x, position.y, position.z)
    quaternion = (orientation.x, orientation.y, orientation.z, orientation.w)
    if not all(map(math.isfinite, (*numbers, *quaternion))):
        return False
    # 1e8 m: float64 tells no tenth of a micrometre beyond.
    return max(map(abs, numbers)) <= 1e8 and abs(math.hypot(*quaternion) - 1) <= norm_tolerance
