"""The registration as node, CLI and evaluation run it: a CT held ready, then one call per shot."""

import numpy as np

from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.config import RegistrationConfig
from xray_registration.drr import render
from xray_registration.masks.automatic import with_masks
from xray_registration.methods import METHODS
from xray_registration.overlay import overlay
from xray_registration.presets import learned
from xray_registration.pyramid import VolumePyramid
from xray_registration.registration import register
from xray_registration.search.hypotheses import MATCHING
from xray_registration.surface import bone_surface
from xray_registration.tracking import tracking_config
from xray_registration.views import View
from xray_registration.volume.attenuation import attenuation_from_ct

# Pictures need no finer grid than a detector pixel at the isocentre of a 512 image.
_PICTURE_VOXEL_MM = 1.0


class RegistrationPipeline:
    """One CT and one configuration; thread-safe for one registration at a time."""

    def __init__(self, ct, config=None, networks=None):
        """
        Take a CtImage, a RegistrationConfig, and trained networks by kind, as `load_network`
        returns them: what the method needs, and a 'regressor' where it is to give missing starts.
        """
        self.ct = ct
        self.config = config or RegistrationConfig()
        networks = networks or {}
        if self.config.method == 'spherical':
            self.config = learned(self.config, networks['similarity'])
        # A method that asks the regressor itself needs no start from it.
        asks = METHODS[self.config.method].needs == 'regressor'
        self._regressor = None if asks else networks.get('regressor')
        self._tracking_config = tracking_config(self.config)
        self._volumes = VolumePyramid(attenuation_from_ct(ct, self.config.attenuation), networks)
        self._surface = None

    def warm_up(self):
        """Make the pyramid's grids and compile the kernels, so that the first shot is fast."""
        camera = PinholeCamera(8, 8, 32.0, 32.0, 3.5, 3.5)
        for level in (MATCHING, *self.config.levels, *self._tracking_config.levels):
            for jacobian in ('none', 'continuum'):
                render(
                    self._volumes.at(level.voxel_mm),
                    camera,
                    np.eye(4),
                    jacobian,
                    backend=self.config.backend,
                )

    def register(self, views, start=None, cancelled=None):
        """Register Views; see `registration.register`.  A regressor gives a missing start."""
        if start is None and self._regressor:
            views, _ = with_masks(views, self.config.masks)
            start = self._regressor.start(views[0], self._volumes.isocentre_m)
        return register(views, self._volumes, start, self.config, cancelled)

    def track(self, views, predicted, cancelled=None):
        """Register Views from a predicted pose [4, 4] with few steps; see `tracking`."""
        return register(views, self._volumes, predicted, self._tracking_config, cancelled)

    def drr(self, camera, carm_from_ct):
        """Return the DRR [H, W] float32 (line integrals) of a camera at a pose [4, 4]."""
        volume = self._volumes.at(_PICTURE_VOXEL_MM)
        return render(volume, camera, carm_from_ct, backend=self.config.backend).image[0]

    def overlay(self, view: View, reference_from_ct):
        """Return an RGB picture [k H, k W, 3] uint8: DRR edges at the pose over the X-ray."""
        carm_from_ct = view.camera_from_reference @ reference_from_ct
        return overlay(view.image, self.drr(view.camera, carm_from_ct), view.mask)

    def surface(self):
        """Return the bone surface in `ct`: vertices [N, 3] float32 (m), triangles [M, 3] int32."""
        if self._surface is None:
            self._surface = bone_surface(self.ct)
        return self._surface
