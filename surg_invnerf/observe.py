"""From a stereo frame to what the model is fitted to, or to the reason why not."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from surg_invnerf.observations import FrameObservation
from surg_invnerf.stereo import masks, quality
from surg_invnerf.stereo.alignment import AlignmentMeter
from surg_invnerf.stereo.fill import fill
from surg_invnerf.stereo.instruments import find_instruments
from surg_invnerf.stereo.matching import SgbmDis, SgbmDisConfig
from surg_invnerf.stereo.quality import Quality
from surg_invnerf.stereo.working_size import WorkingSize


@dataclass(frozen=True)
class ObserveConfig:
    """Settings of an Observer."""

    halve_above_width: int = 640  # wider images are worked on at half size
    find_instruments: bool = True  # by their colour, in frames that come without a mask
    matching: SgbmDisConfig = field(default_factory=SgbmDisConfig)


@dataclass(frozen=True)
class Observed:
    """
    What became of one frame.

    observation   FrameObservation, or None where the quality says that there is nothing to trust
    quality       Quality
    reason        one sentence for people; empty for a good frame
    """

    observation: FrameObservation | None
    quality: Quality
    reason: str


class Observer:
    """
    Measures the frames of one stereo camera, in order.

    camera        StereoCamera of the observations (working size)
    working       WorkingSize, which converts pixels
    full_camera   StereoCamera of the frames
    """

    def __init__(self, camera, config=ObserveConfig(), matcher=None):
        """
        Prepare for a StereoCamera.

        `matcher` has `match(left, right) -> (disparity, sigma_px)` as SgbmDis does, which is the
        default; it gets images at working size.  Raises InputError for a camera that cannot be
        one of a stereo endoscope.
        """
        self.full_camera = camera.validated()
        self.working = WorkingSize(camera, config.halve_above_width)
        self._find_instruments = config.find_instruments
        self.camera = self.working.camera
        self._matcher = matcher or SgbmDis(self.camera, config.matching)
        self._depth_range_m = config.matching.near_m, config.matching.far_m
        self._alignment = AlignmentMeter(self.camera)
        self._frame = self._observation = None

    def observe(self, frame):
        """Return what became of a StereoFrame; no image makes it raise."""
        last, self._frame = self._frame, frame
        fault = quality.size_fault(frame, self.full_camera)
        if fault is not None:
            observed = Observed(None, *fault)
        elif self._observation is not None and (fault := quality.frozen_fault(frame, last)):
            return Observed(_again(self._observation, frame), *fault)
        else:
            observed = self._measured(frame)
        self._observation = observed.observation
        return observed

    def _measured(self, frame):
        image, right = (self.working.image(eye) for eye in (frame.left, frame.right))
        grey, right_grey = (cv2.cvtColor(eye, cv2.COLOR_RGB2GRAY) for eye in (image, right))
        fault = quality.content_fault(grey, right_grey)
        if fault is not None:
            return Observed(None, *fault)
        alignment = self._alignment.measure(grey, right_grey)
        fault = quality.alignment_fault(alignment)
        if fault is not None:
            return Observed(None, *fault)
        disparity, sigma_px = self._matcher.match(image, right)
        highlights = masks.specular(image)
        depth = self.camera.depth_from_disparity(disparity)
        measured = self._in_range(depth) & np.isfinite(sigma_px) & ~highlights
        tool = self._tool(frame, image)
        beside = np.zeros_like(measured) if tool is None else masks.beside(tool)
        measured &= ~beside
        tissue = measured if tool is None else measured & ~tool
        verdict = quality.grade(grey, alignment, tissue.mean())
        if verdict[0] is Quality.NO_STEREO:
            return Observed(None, *verdict)
        # Tissue behind an instrument has the depth of that around it.
        filled = fill(np.where(tissue, depth, np.nan))
        usable = ~(highlights | masks.unlit(image) | beside)
        if tool is not None:
            filled = np.where(tool & measured, depth, filled)
            usable &= ~tool
        usable &= masks.seen_by_both(self.camera, filled)
        sigma = np.where(measured, self.camera.sigma_from_disparity(filled, sigma_px), np.inf)
        observation = FrameObservation(
            frame.index,
            frame.stamp_ns,
            image,
            filled,
            sigma.astype(np.float32),
            usable,
            tool,
            _pose(frame),
        )
        return Observed(observation, *verdict)

    def _in_range(self, depth_m):
        near_m, far_m = self._depth_range_m
        return (depth_m >= near_m) & (depth_m <= far_m)  # false for NaN

    def _tool(self, frame, image):
        """Return the instruments [H, W] as given or as found; None where there are none."""
        if frame.tool is not None:
            return self.working.mask(frame.tool)
        if not self._find_instruments:
            return None
        found = find_instruments(image)
        return found if found.any() else None


def _again(observation, frame):
    """Return the observation of a frame that shows what the one before did."""
    return replace(
        observation,
        index=frame.index,
        stamp_ns=frame.stamp_ns,
        world_from_camera=_pose(frame),
    )


def _pose(frame):
    return np.eye(4) if frame.world_from_camera is None else frame.world_from_camera
