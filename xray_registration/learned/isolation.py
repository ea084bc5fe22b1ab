"""
The network that takes one bone out of a full X-ray: what would be seen if nothing else were there.

A CT of one segmented bone explains little of an X-ray, and costs that compare the two lead to
whatever is bright nearby.  What the network leaves is compared with the DRR as a whole: points of
both on the sphere are images without their mean, of unit length, so that the cost is 1 - NCC and
has the wide valley that it has where a CT explains all that is seen.

The U-Net is trained for one bone and the distance and size at which it appears; see
training/isolation_loss.py.  Ours.
"""

import cv2
import numpy as np

from xray_registration.learned.unet import Unet

# In the place of a stride: the point is of an isolated bone.
ISOLATED = 1

# Pixels around a hole, such as a masked bead, from which it is filled.
_FILL_PX = 3


class Isolation(Unet):
    """Line integrals [B, 1, h, w] of the bone alone, in any unit, from images in [0, 1]."""

    def __init__(self, config):
        super().__init__(config, 1)

    def alone(self, image, mask):
        """
        Return the bone alone [H, W] float32 as an image [H, W] shows it.

        What the mask [H, W] leaves out is filled from around it: a network that was never shown
        holes would take their borders for bone.
        """
        filled = np.where(mask, image, 0).astype(np.float32)
        if not mask.all():
            holes = (~mask).astype(np.uint8)
            filled = cv2.inpaint(filled, holes, _FILL_PX, cv2.INPAINT_NS)
        low, high = float(filled.min()), float(filled.max())
        found = self.maps((filled - low) / max(high - low, 1e-6))[0].numpy()
        size = (image.shape[1], image.shape[0])
        return cv2.resize(found.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
