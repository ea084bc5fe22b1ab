"""What a file of one's own C-arm says about one X-ray, in the conventions of this package."""

from dataclasses import dataclass, replace

import numpy as np

from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera

# What a pose may be relative to: the patient about the C-arm's isocentre (left, posterior, head),
# the CT itself, or anything else that stands still, such as a calibration cube or a tracker.
ISOCENTRE, CT, WORLD = 'isocentre', 'ct', 'world'


@dataclass(frozen=True)
class CarmView:
    """
    One X-ray, or the geometry of one.

    camera                  of the image as it is stored
    camera_from_reference   [4, 4] float64 (m) of the camera once `flip` is undone; None where the
                            file does not say where the C-arm was
    reference               ISOCENTRE, CT or WORLD
    pixels                  [H, W] as stored, or None where the file holds geometry alone
    intensity               one of views.INTENSITIES, or None where the file does not say
    flip                    one of frames.FLIPS: how the stored image is mirrored (or turned) as
                            against the view from the source; None where the file does not say
    text                    where the numbers come from, for people
    """

    camera: PinholeCamera
    camera_from_reference: np.ndarray | None = None
    reference: str = WORLD
    pixels: np.ndarray | None = None
    intensity: str | None = None
    flip: str | None = 'none'
    text: str = ''

    def unflipped(self):
        """Return the same X-ray as seen from the source: `flip` is undone and then 'none'."""
        return replace(
            self,
            camera=self.camera.flipped(self.flip),
            pixels=None if self.pixels is None else frames.flip_image(self.pixels, self.flip),
            flip='none',
        )

    @property
    def source_in_reference_m(self):
        """Where the X-ray source is [3] (m)."""
        return se3.inverse(self.camera_from_reference)[:3, 3]
