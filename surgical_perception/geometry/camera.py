"""
Pinhole cameras with integer pixel centres, as ROS CameraInfo and OpenCV have them.

A C-arm is a pinhole too: the X-ray source is the optical centre, +z runs to the detector,
+x right and +y down in the image.  The centre of the first pixel is (0, 0), so a centred
principal point of a W wide image is (W - 1) / 2.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import check_flip

# Focal length over image width of any C-arm, endoscope or microscope, with a wide margin: 0.04 is
# a field of view of 170 degrees.  What lies outside is no number of pixels.
_FOCAL_PER_WIDTH = (0.04, 1000.0)


@dataclass(frozen=True)
class PinholeCamera:
    """Intrinsics in pixels; `fx = SDD / du` for a C-arm of pixel size du."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @property
    def matrix(self):
        """K [3, 3]."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    @classmethod
    def from_carm(cls, width, height, sdd_mm, du_mm, dv_mm=None, x0_mm=0.0, y0_mm=0.0):
        """Build from source-detector distance, pixel size and detector offset, all in mm."""
        dv_mm = dv_mm or du_mm
        return cls(
            width,
            height,
            sdd_mm / du_mm,
            sdd_mm / dv_mm,
            (width - 1) / 2 + x0_mm / du_mm,
            (height - 1) / 2 + y0_mm / dv_mm,
        )

    @classmethod
    def from_camera_info(cls, info):
        """
        Build from a sensor_msgs/CameraInfo (or anything with its fields) of a rectified image.

        P holds the intrinsics of `image_rect` (REP 104); K serves where P is empty.
        Raises InputError with the reason where they cannot be those of a rectified image.
        """
        k, p = np.asarray(info.k, float).ravel(), np.asarray(info.p, float).ravel()
        if k.size == 9 and k[0] == 0:
            raise InputError(
                'camera_info is uncalibrated (K[0] = 0): publish the C-arm geometry, '
                'K[0] = SDD / pixel size'
            )
        if p.size == 12 and p[0] != 0:
            fx, skew, cx, fy, cy = p[[0, 1, 2, 5, 6]].tolist()
        elif k.size == 9:
            if any(x != 0 for x in info.d):
                raise InputError('camera_info has distortion but no P: rectify the image first')
            fx, skew, cx, fy, cy = k[[0, 1, 2, 4, 5]].tolist()
        else:
            raise InputError(f'camera_info has {k.size} numbers in K, expected 9')
        if skew != 0:
            raise InputError(f'camera_info has skew {skew:g} between its axes: rectify the image')
        return cls(int(info.width), int(info.height), fx, fy, cx, cy).validated()

    def validated(self):
        """Return self, or raise InputError where no X-ray or endoscope camera looks like this."""
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if not np.isfinite(numbers).all():
            raise InputError(f'the camera holds NaN or infinity: fx, fy, cx, cy = {numbers}')
        if self.width < 1 or self.height < 1:
            raise InputError(f'the camera has size {self.width}x{self.height}')
        if self.fx <= 0 or self.fy <= 0:
            raise InputError(
                f'fx = {self.fx:g}, fy = {self.fy:g} must be positive: '
                'a mirrored image is declared by image_flip'
            )
        low, high = _FOCAL_PER_WIDTH
        if not low <= self.fx / self.width <= high:
            raise InputError(
                f'fx = {self.fx:g} for an image of {self.width} pixels is no focal length of a '
                'camera: give it in pixels, SDD / pixel size'
            )
        if abs(self.fx / self.fy - 1) > 0.05:
            raise InputError(
                f'fx = {self.fx:g} and fy = {self.fy:g} differ by more than 5 %: '
                'check the pixel sizes'
            )
        if not (-0.5 <= self.cx <= self.width - 0.5 and -0.5 <= self.cy <= self.height - 0.5):
            raise InputError(
                f'the principal point ({self.cx:g}, {self.cy:g}) lies outside the '
                f'{self.width}x{self.height} image: was the image cropped without its camera_info?'
            )
        return self

    def binned(self, factor):
        """Return the camera of an image whose pixels are means over factor x factor blocks."""
        return replace(
            self,
            width=self.width // factor,
            height=self.height // factor,
            fx=self.fx / factor,
            fy=self.fy / factor,
            cx=(self.cx + 0.5) / factor - 0.5,
            cy=(self.cy + 0.5) / factor - 0.5,
        )

    def cropped(self, left, top, width, height):
        """Return the camera of the sub-image that starts at pixel (left, top)."""
        return replace(self, width=width, height=height, cx=self.cx - left, cy=self.cy - top)

    def flipped(self, flip):
        """Return the camera of the image after `frames.flip_image(image, flip)`."""
        check_flip(flip)
        cx = self.width - 1 - self.cx if flip in ('horizontal', 'both') else self.cx
        cy = self.height - 1 - self.cy if flip in ('vertical', 'both') else self.cy
        return replace(self, cx=cx, cy=cy)

    def corners(self, depth_m):
        """Return the outer corners of the image [4, 3] (m) at a depth, clockwise from pixel 0."""
        left, top = -0.5 - self.cx, -0.5 - self.cy
        right, bottom = left + self.width, top + self.height
        pixels = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        return depth_m * np.column_stack([pixels / [self.fx, self.fy], np.ones(4)])

    def project(self, points):
        """Project points [..., 3] of the camera frame (m) to pixels [..., 2]."""
        z = points[..., 2]
        u = self.fx * points[..., 0] / z + self.cx
        v = self.fy * points[..., 1] / z + self.cy
        return np.stack([u, v], -1)

    def ray_directions(self):
        """Return unit ray directions [H, W, 3] in the camera frame, through pixel centres."""
        u = (np.arange(self.width) - self.cx) / self.fx
        v = (np.arange(self.height) - self.cy) / self.fy
        d = np.stack(np.broadcast_arrays(u[None, :], v[:, None], 1.0), -1)
        return d / np.linalg.norm(d, axis=-1, keepdims=True)


class _CameraInfoFile:
    """The fields of CameraInfo, read from the YAML that ROS's camera_info_manager writes."""

    def __init__(self, data, path):
        def numbers(key, count):
            block = data.get(key)
            if block is None:
                return []
            values = block.get('data') if isinstance(block, dict) else block
            try:
                values = [float(x) for x in values]
            except (TypeError, ValueError):
                raise InputError(f'{path}: {key} is not a list of numbers') from None
            if count and len(values) not in (0, count):
                raise InputError(f'{path}: {key} has {len(values)} numbers, expected {count}')
            return values

        try:
            self.width, self.height = int(data['image_width']), int(data['image_height'])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError(f'{path}: image_width and image_height are needed') from None
        self.k = numbers('camera_matrix', 9)
        self.p = numbers('projection_matrix', 12)
        self.d = numbers('distortion_coefficients', 0)


def load_camera_yaml(path):
    """
    Read a ROS camera_info YAML; return (PinholeCamera, camera_from_reference [4, 4] or None).

    `camera_from_reference` (16 numbers, row-major, metres) is an optional key of ours.
    Raises InputError, naming file and key.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = ' '.join(str(error).split())
        raise InputError(f'{path}: cannot be read as camera_info YAML: {reason}') from None
    if not isinstance(data, dict):
        raise InputError(f'{path}: is not a camera_info YAML (no keys)')
    try:
        camera = PinholeCamera.from_camera_info(_CameraInfoFile(data, path))
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f'{path}: {text}') from None
    pose = data.get('camera_from_reference')
    if pose is None:
        return camera, None
    return camera, se3.validated(
        pose.get('data') if isinstance(pose, dict) else pose, f'{path}: camera_from_reference'
    )


def save_camera_yaml(path, camera, name='carm', camera_from_reference=None):
    """Write a ROS camera_info YAML (plumb_bob without distortion, P = [K 0])."""
    k = camera.matrix
    data = {
        'image_width': int(camera.width),
        'image_height': int(camera.height),
        'camera_name': name,
        'camera_matrix': {'rows': 3, 'cols': 3, 'data': k.ravel().tolist()},
        'distortion_model': 'plumb_bob',
        'distortion_coefficients': {'rows': 1, 'cols': 5, 'data': [0.0] * 5},
        'rectification_matrix': {'rows': 3, 'cols': 3, 'data': np.eye(3).ravel().tolist()},
        'projection_matrix': {
            'rows': 3,
            'cols': 4,
            'data': np.hstack([k, np.zeros((3, 1))]).ravel().tolist(),
        },
    }
    if camera_from_reference is not None:
        data['camera_from_reference'] = np.asarray(camera_from_reference, float).ravel().tolist()
    Path(path).write_text(yaml.safe_dump(data, sort_keys=False), encoding='utf-8')
