"""From a calibrated raw pair to images with equal rows, and the StereoCamera that they have."""

from dataclasses import dataclass

import cv2
import numpy as np

from surg_invnerf.camera import StereoCamera
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera


@dataclass(frozen=True)
class RawEye:
    """One eye as calibrated: K [3, 3] in pixels, OpenCV's distortion coefficients [0 to 14]."""

    matrix: np.ndarray
    distortion: np.ndarray


class Rectifier:
    """
    Rectifies the images of one calibrated pair: rotations by Bouguet's method (OpenCV).

    The rectified images have the size and the mean focal length of the raw ones.  The middle of
    each raw image stays in the middle, so that eyes which converge keep their overlap: the
    camera's right_cx differs from its left cx.  Pixels from outside the raw images are black.

    camera       StereoCamera of the rectified images
    rotations    ([3, 3], [3, 3]) from each raw eye's frame to its rectified frame
    """

    def __init__(self, width, height, left, right, right_from_left):
        """
        Prepare the maps from the RawEyes and the pose right_from_left [4, 4] (m).

        OpenCV's stereoCalibrate calls its parts R and T.  Raises InputError where the eyes are
        swapped, stand above each other, or the unit of the baseline is wrong.
        """
        right_from_left = se3.validated(right_from_left, 'right_from_left')
        _check_side_by_side(right_from_left)
        self._size = (int(width), int(height))
        self._eyes = [
            (np.asarray(eye.matrix, float), np.asarray(eye.distortion, float))
            for eye in (left, right)
        ]
        self.rotations = cv2.stereoRectify(
            *self._eyes[0],
            *self._eyes[1],
            self._size,
            right_from_left[:3, :3],
            right_from_left[:3, 3:],
        )[:2]
        self._matrices = self._centred_matrices()
        self._maps = [
            cv2.initUndistortRectifyMap(k, d, rotation, matrix, self._size, cv2.CV_16SC2)
            for (k, d), rotation, matrix in zip(
                self._eyes, self.rotations, self._matrices, strict=True
            )
        ]
        (fx, _, cx), (_, fy, cy), _ = self._matrices[0].tolist()
        baseline_m = float(np.linalg.norm(right_from_left[:3, 3]))
        self.camera = StereoCamera(
            PinholeCamera(*self._size, fx, fy, cx, cy), baseline_m, float(self._matrices[1][0, 2])
        ).validated()

    def _centred_matrices(self):
        """Return K [3, 3] of both rectified eyes: one focal length and cy, each its own cx."""
        focal = np.mean([k[[0, 1], [0, 1]] for k, _ in self._eyes])
        middle = (np.array(self._size) - 1) / 2
        directions = np.concatenate(
            [
                cv2.undistortPoints(middle[None, None], k, d, R=rotation)[0]
                for (k, d), rotation in zip(self._eyes, self.rotations, strict=True)
            ]
        )
        directions[:, 1] = directions[:, 1].mean()
        centres = middle - focal * directions
        return [np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]]) for cx, cy in centres]

    def rectify(self, left, right):
        """
        Return both images rectified: [H, W] or [H, W, C] in, the same out.

        Raises InputError for images of another size than the calibration's.
        """
        for eye, image in (('left', left), ('right', right)):
            if image.shape[1::-1] != self._size:
                raise InputError(
                    f'the {eye} image is {image.shape[1]}x{image.shape[0]}, the calibration is '
                    f'for {self._size[0]}x{self._size[1]}: calibrate at the size that is used'
                )
        return tuple(
            cv2.remap(image, *maps, cv2.INTER_LINEAR)
            for image, maps in zip((left, right), self._maps, strict=True)
        )

    def rectify_points(self, uv, eye):
        """Return the rectified pixels [N, 2] of raw pixels [N, 2] of eye 'left' or 'right'."""
        side = ('left', 'right').index(eye)
        points = np.asarray(uv, float).reshape(-1, 1, 2)
        rectified = cv2.undistortPoints(
            points, *self._eyes[side], R=self.rotations[side], P=self._matrices[side]
        )
        return rectified.reshape(-1, 2)


def _check_side_by_side(right_from_left):
    x, y, z = se3.inverse(right_from_left)[:3, 3]
    if abs(x) < max(abs(y), abs(z)):
        raise InputError(
            f'the right eye sits at ({x:g}, {y:g}, {z:g}) m in the left one: a stereo endoscope '
            'has it beside, along x'
        )
    if x < 0:
        raise InputError(
            f'the right eye sits at x = {x:g} m in the left one: left/right swapped, or is the '
            'pose left_from_right?'
        )
