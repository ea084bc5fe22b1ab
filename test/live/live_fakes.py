"""What stands in for the fit in tests of what surrounds it; importable by a child process."""

import os
import time

import cv2
import numpy as np

from surg_invnerf.camera import StereoCamera
from surg_invnerf.clip import StereoFrame
from surg_invnerf.live.anchor import Answer
from surgical_perception.geometry.camera import PinholeCamera

WIDTH, HEIGHT = 160, 128
CAMERA = StereoCamera(PinholeCamera(WIDTH, HEIGHT, 150.0, 150.0, 79.5, 63.5), 0.005)
DEPTH_M = 0.06


def texture(seed=0):
    """A wide random texture [256, 512, 3] uint8, as red as tissue, detail of 2 to 10 pixels."""
    noise = np.random.default_rng(seed).normal(size=(256, 512, 1)).astype(np.float32)
    light = np.ones((256, 512), np.float32)
    for size in (2.0, 10.0):
        blurred = cv2.GaussianBlur(noise, (0, 0), size)
        light += 0.2 * blurred / blurred.std()
    return np.clip(light[..., None] * [150, 70, 60], 0, 255).astype(np.uint8)


TEXTURE = texture()
DISPARITY = round(float(CAMERA.disparity_from_depth(DEPTH_M)))
PLANE_M = CAMERA.focal_baseline / DISPARITY


def plane_frame(index, shift=0, stamp_ns=None):
    """A plane at PLANE_M in front of the camera; its texture moves left by `shift` pixels."""
    top, left = 40, 100 + shift
    window = TEXTURE[top : top + HEIGHT, left : left + WIDTH]
    right = TEXTURE[top : top + HEIGHT, left + DISPARITY : left + DISPARITY + WIDTH]
    stamp_ns = 1_000_000_000 + index * 100_000_000 if stamp_ns is None else stamp_ns
    # A sensor's noise: two frames without any difference are a frozen video.
    rng = np.random.default_rng(index)
    eyes = (eye + rng.integers(-2, 3, eye.shape) for eye in (window, right))
    return StereoFrame(index, stamp_ns, *(np.clip(eye, 0, 255).astype(np.uint8) for eye in eyes))


class FakeMapper:
    """Answers where each point was born: for a scene that stands still."""

    model = None

    def __init__(self):
        self.steps, self.index = 0, -1
        self.points = {}

    @property
    def ready(self):
        return self.index >= 0

    def add(self, observation, ids=(), uv=(), has_poses=False):
        self.index = observation.index
        for i, at in zip(ids, uv, strict=True):
            self.points.setdefault(int(i), np.array(at))

    def remove(self, ids):
        for i in ids:
            self.points.pop(int(i), None)

    def step(self):
        self.steps += 1

    def answer(self):
        ids = np.array(sorted(self.points), np.int64)
        uv = np.array([self.points[i] for i in ids]).reshape(-1, 2)
        xyz_m = CAMERA.unproject(uv, np.full(len(ids), PLANE_M))
        hidden = np.zeros(len(ids), bool)
        return Answer(self.index, ids, uv, xyz_m, hidden, 0.5, self.steps, 0.3)


class MapperThatRaises(FakeMapper):
    def add(self, observation, ids=(), uv=(), has_poses=False):
        raise RuntimeError('out of tissue')


class MapperThatDies(FakeMapper):
    def add(self, observation, ids=(), uv=(), has_poses=False):
        os._exit(7)


class MapperThatHangs(FakeMapper):
    def step(self):
        time.sleep(3600)


class SlowMapper(FakeMapper):
    def step(self):
        time.sleep(0.05)
        super().step()


def number_of_points(mapper):
    """A task for a mapper in another process."""
    return len(mapper.points)
