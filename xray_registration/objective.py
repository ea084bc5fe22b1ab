"""The cost of a pose over all views at one pyramid level."""

from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.alignment import aligned_in_plane
from xray_registration.drr import render
from xray_registration.pyramid import bin_factor, binned_view
from xray_registration.similarity import SIMILARITIES
from xray_registration.similarity.linearisation import Linearisation

# A ray with less attenuation than 2 mm of water has not met the patient.
_COVERED = 0.05


class Evaluated(NamedTuple):
    """A pose's renderings, kept so that an accepted pose is linearised without a new one."""

    cost: float
    renderings: list


class Match(NamedTuple):
    """How well a pose explains the X-rays, for the gate."""

    cost: float
    similarity: float
    overlap: float


class LevelObjective:
    """Mean over views of a similarity's cost; one twist in `ct` axes moves all views alike."""

    def __init__(self, views, volumes, level, config):
        """Take Views, a VolumePyramid, a PyramidLevel and the RegistrationConfig."""
        self._volume = volumes.at(level.voxel_mm)
        step_mm = level.step_mm or level.voxel_mm
        self._step_m = max(1e-3 * step_mm, float(self._volume.spacing_m.min()))
        self._isocentre_m = volumes.isocentre_m
        self._backend = config.backend
        self._terms = []
        for view in views:
            image, mask, camera = binned_view(view, bin_factor(view.camera, level.image_size))
            similarity = SIMILARITIES[level.similarity](
                image, mask, level.patch, config.robust_scale
            )
            self._terms.append((similarity, camera, view.camera_from_reference))
            if view is views[0]:
                self._first = image, mask, camera
        # A pixel at the isocentre is about its detector size halved; a fiftieth of that is far
        # below what the level can resolve.
        self.tolerance_m = 0.02e-3 * bin_factor(views[0].camera, level.image_size)

    @property
    def redraws(self):
        """How often a descent is begun again with `focus` at the pose that it has reached."""
        return 1

    def focus(self, ct_from_reference):
        """Redraw what depends on where the CT is projected to; nothing for the whole image."""

    def evaluate(self, ct_from_reference, jacobian='continuum'):
        """Render every view at a pose [4, 4] and return the cost with the renderings."""
        reference_from_ct = se3.inverse(ct_from_reference)
        renderings = [
            self._render(camera, camera_from_reference @ reference_from_ct, jacobian)
            for _, camera, camera_from_reference in self._terms
        ]
        costs = [
            similarity.cost(rendering.image[0])
            for (similarity, _, _), rendering in zip(self._terms, renderings, strict=True)
        ]
        return Evaluated(float(np.mean(costs)), renderings)

    def _render(self, camera, carm_from_ct, jacobian):
        return render(
            self._volume,
            camera,
            carm_from_ct,
            jacobian,
            step_m=self._step_m,
            isocentre_m=self._isocentre_m,
            backend=self._backend,
        )

    def aligned(self, carm_from_ct, range_m):
        """Shift a pose [4, 4] of the first view in its image plane; return it with its NCC."""

        def draw(camera, pose):
            return self._render(camera, pose, 'none').image[0]

        image, mask, camera = self._first
        return aligned_in_plane(
            image, mask, camera, carm_from_ct, self._isocentre_m, range_m, draw
        )

    def linearise(self, evaluated):
        """Return the Linearisation of the mean cost at an evaluated pose."""
        models = [
            similarity.linearise(rendering.image[0], rendering.jacobian[0])
            for (similarity, _, _), rendering in zip(
                self._terms, evaluated.renderings, strict=True
            )
        ]
        n = len(models)
        return Linearisation(
            sum(m.cost for m in models) / n,
            sum(m.gradient for m in models) / n,
            sum(m.hessian for m in models) / n,
            np.concatenate([m.gradient_parts for m in models]) / n,
        )

    def match(self, ct_from_reference):
        """Return the Match of a pose: the worst view counts."""
        evaluated = self.evaluate(ct_from_reference, jacobian='none')
        images = [rendering.image[0] for rendering in evaluated.renderings]
        similarities = [
            similarity.similarity(image)
            for (similarity, _, _), image in zip(self._terms, images, strict=True)
        ]
        overlaps = [float((image > _COVERED).mean()) for image in images]
        return Match(evaluated.cost, min(similarities), min(overlaps))
