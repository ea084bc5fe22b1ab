"""What the model is fitted to: measured frames, and correspondences between pairs of them."""

from dataclasses import dataclass, field

import numpy as np

from surg_invnerf.camera import StereoCamera


@dataclass(frozen=True)
class FrameObservation:
    """
    One frame at working size.

    index               number of the frame; rises, never used twice
    image               [H, W, 3] uint8, RGB, left eye
    depth_m             [H, W] float32, from stereo, holes filled: no NaN
    sigma_m             [H, W] float32 standard deviation of depth_m; infinite where it was filled
    usable              [H, W] bool: tissue that may be trusted (no specularity, no tool, no border
                        without stereo overlap)
    tool                [H, W] bool or None
    world_from_camera   [4, 4] float64 pose by kinematics; identity without
    """

    index: int
    stamp_ns: int
    image: np.ndarray
    depth_m: np.ndarray
    sigma_m: np.ndarray
    usable: np.ndarray
    tool: np.ndarray | None
    world_from_camera: np.ndarray

    @property
    def measured(self):
        """[H, W] bool: where stereo gave a depth."""
        return np.isfinite(self.sigma_m)


@dataclass(frozen=True)
class Correspondences:
    """
    Pixels of one frame found again in another.

    source, target  frame indices
    pixels          [M, 2] float32 (u, v) in the source frame
    targets         [M, 2] float32 (u, v) in the target frame
    confidence      [M] float32 in (0, 1]
    """

    source: int
    target: int
    pixels: np.ndarray
    targets: np.ndarray
    confidence: np.ndarray

    @property
    def gap(self):
        """Number of frames between the two."""
        return abs(self.target - self.source)


@dataclass
class Observations:
    """
    A growing and shrinking set of frames with the correspondences among them.

    has_poses says whether `world_from_camera` came from kinematics.
    """

    camera: StereoCamera
    has_poses: bool = False
    frames: dict[int, FrameObservation] = field(default_factory=dict)
    pairs: dict[tuple[int, int], Correspondences] = field(default_factory=dict)

    def add(self, frame, pairs=()):
        """Add a frame and its correspondences with frames that are held."""
        self.frames[frame.index] = frame
        for pair in pairs:
            self.pairs[pair.source, pair.target] = pair

    def retain(self, indices):
        """Forget every other frame, and each pair that touches one of them."""
        keep = set(indices)
        self.frames = {i: frame for i, frame in self.frames.items() if i in keep}
        self.pairs = {key: pair for key, pair in self.pairs.items() if keep.issuperset(key)}
