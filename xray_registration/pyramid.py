"""The two pyramids of a registration: the volume's grids and each view's binned images."""

import threading

import numpy as np

from xray_registration.region import continuation

# A cut face needs no fine grid, since a ray is left out or not: a body's gets voxels of 4 mm, a
# bone's of 1 mm.
_CONTINUATION_VOXELS = 90

# A binned pixel is used where at least this share of its fine pixels may be.
_MIN_BIN_SHARE = 0.75


class VolumePyramid:
    """A CT on the grids that the levels ask for, each made once, and the networks that know it."""

    def __init__(self, volume, networks=None):
        """Take an AttenuationVolume, and trained networks by the kind that their cards name."""
        self.volume, self.networks = volume, networks or {}
        self._grids = {}
        self._lock = threading.Lock()

    @property
    def isocentre_m(self):
        """Centre of the volume in `ct` [3]."""
        return self.volume.isocentre_m

    def at(self, voxel_mm):
        """
        Return the volume at an isotropic spacing in mm.

        Half the CT's own smallest spacing is the finest that is made: below it there is nothing
        to see, only more memory to march through.
        """
        voxel_mm = max(voxel_mm, 0.5e3 * float(self.volume.spacing_m.min()))
        with self._lock:
            if voxel_mm not in self._grids:
                self._grids[voxel_mm] = self.volume.resampled(voxel_mm * 1e-3)
            return self._grids[voxel_mm]

    def continuation(self):
        """Return the body beyond the CT's faces, or None where none cuts it; made once."""
        volume = self.volume
        with self._lock:
            if 'continuation' not in volume.cache:
                longest_m = float((volume.spacing_m * np.array(volume.size)).max())
                coarse = volume.resampled(longest_m / _CONTINUATION_VOXELS)
                volume.cache['continuation'] = continuation(volume, coarse)
            return volume.cache['continuation']


def bin_factor(camera, image_size):
    """Return by how much to bin so that the longer side comes nearest to `image_size`."""
    return max(1, round(max(camera.width, camera.height) / image_size))


def binned_view(view, factor):
    """
    Average a view over factor x factor blocks, leaving out masked pixels.

    Returns (image [h, w] float32, mask [h, w] bool, camera).  Rows and columns that do not fill
    a block are dropped at the bottom and right.
    """
    camera = view.camera.binned(factor)
    mask = np.ones(view.image.shape, bool) if view.mask is None else view.mask
    if factor == 1:
        return view.image, mask, camera
    share = _block_mean(mask.astype(np.float32), camera, factor)
    image = _block_mean(np.where(mask, view.image, 0), camera, factor)
    return image / np.maximum(share, 1e-6), share >= _MIN_BIN_SHARE, camera


def _block_mean(image, camera, factor):
    h, w = camera.height, camera.width
    blocks = image[: h * factor, : w * factor].reshape(h, factor, w, factor)
    return blocks.mean((1, 3), dtype=np.float32)
