"""The cost of a pose over all views at one pyramid level."""

import math
from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.drr import Rendering, render
from xray_registration.learned.aimed import aimed
from xray_registration.pyramid import bin_factor, binned_view
from xray_registration.region import COVERED, Window, around_projection, left_out, share_in_view
from xray_registration.similarity import SIMILARITIES
from xray_registration.similarity.linearisation import Linearisation

# The similarity of levels whose features a network makes.
LEARNED = 'learned'

# Steps that leave the region find other edges there: bones began to spin by tens of degrees.
_STEP_PER_MARGIN = 0.2


class Evaluated(NamedTuple):
    """A pose's renderings, kept so that an accepted pose is linearised without a new one."""

    cost: float
    renderings: list


class Match(NamedTuple):
    """How well a pose explains the X-rays: the cost of each view, and the worst of the rest."""

    costs: tuple
    similarity: float
    agreement: float
    overlap: float


class Term(NamedTuple):
    """One view as it enters the cost; `mask` is where it is rendered, None everywhere."""

    similarity: object
    camera: object
    camera_from_reference: np.ndarray
    mask: np.ndarray | None


class LevelObjective:
    """Mean over views of a similarity's cost; one twist in `ct` axes moves all views alike."""

    def __init__(self, views, volumes, level, config):
        """Take Views, a VolumePyramid, a PyramidLevel and the RegistrationConfig."""
        self._volume = volumes.at(level.voxel_mm)
        step_mm = level.step_mm or level.voxel_mm
        self._step_m = max(1e-3 * step_mm, float(self._volume.spacing_m.min()))
        self.isocentre_m = volumes.isocentre_m
        extent_m = self._volume.spacing_m * np.array(self._volume.size)
        self._radius_m = 0.5 * float(np.linalg.norm(extent_m))
        self._backend = config.backend
        self._robust_scale = config.robust_scale
        self._level = level
        self._region = config.region
        self._beyond = volumes.continuation() if config.region.leave_out_cut else None
        self._views = views
        self._network = volumes.networks['similarity'] if level.similarity == LEARNED else None
        self._projected = [self._volume]
        if self._network:
            self._projected = self._network.projected(self._volume)
        self._binned = {}
        depth_m = 1e-3 * config.source_to_isocentre_mm
        self._windows = [self._window(index, depth_m) for index in range(len(views))]
        self._aims = self._network is not None and config.region.kind == 'projection'
        # A level that aims has no terms until `focus` says where.
        self.terms = [
            None if self._aims else self._term(window, view.camera_from_reference, None, depth_m)
            for window, view in zip(self._windows, views, strict=True)
        ]
        # A pixel at the isocentre is about its detector size halved; a fiftieth of that is far
        # below what the level can resolve.
        self.tolerance_m = 0.02e-3 * (
            level.pixel_mm or bin_factor(views[0].camera, level.image_size)
        )

    @property
    def redraws(self):
        """How often a descent is begun again with `focus` at the pose that it has reached."""
        return self._level.redraws

    def focus(self, ct_from_reference):
        """Redraw what depends on where the CT is projected to; nothing for the whole image."""
        if self._region.kind == 'whole' and self._beyond is None:
            return
        reference_from_ct = se3.inverse(ct_from_reference)
        if self._aims:
            self._aim(reference_from_ct)
            return
        for index, view in enumerate(self._views):
            carm_from_ct = view.camera_from_reference @ reference_from_ct
            depth_m = se3.apply(carm_from_ct, self.isocentre_m)[2]
            self._windows[index] = window = self._window(index, depth_m)
            if self._region.kind == 'projection':
                margin_m = 1e-3 * self._level.margin_mm
                window = around_projection(
                    window, carm_from_ct, self.isocentre_m, self._volume, margin_m, self._draw
                )
            if self._beyond is not None:
                window = left_out(window, carm_from_ct, self._beyond, self._draw)
            self.terms[index] = self._term(
                window, view.camera_from_reference, window.mask, depth_m
            )

    def _aim(self, reference_from_ct):
        """Show the network the CT's surroundings, as in its training."""
        trained = self._network.config
        for index, view in enumerate(self._views):
            carm_from_ct = view.camera_from_reference @ reference_from_ct
            depth_m = se3.apply(carm_from_ct, self.isocentre_m)[2]
            window, aimed_from_carm = aimed(
                self._window(index, depth_m),
                carm_from_ct,
                self.isocentre_m,
                trained.isocentre_field_mm,
                trained.image_size,
            )
            camera_from_reference = aimed_from_carm @ view.camera_from_reference
            self._windows[index] = window
            self.terms[index] = self._term(window, camera_from_reference, None, depth_m)

    def _window(self, index, depth_m):
        """Return one view binned for this level, with the isocentre at a depth."""
        view, level = self._views[index], self._level
        if level.pixel_mm is None:
            factor = bin_factor(view.camera, level.image_size)
        else:
            factor = max(1, round(1e-3 * level.pixel_mm * view.camera.fx / max(depth_m, 1e-3)))
        if (index, factor) not in self._binned:
            self._binned[index, factor] = Window(*binned_view(view, factor))
        return self._binned[index, factor]

    def _term(self, window, camera_from_reference, mask, depth_m):
        if self._network:
            similarity = self._network.similarity(window.image, window.mask, self._level.stride)
        else:
            patch = self._patch(window.camera, depth_m)
            kind = SIMILARITIES[self._level.similarity]
            similarity = kind(window.image, window.mask, patch, self._robust_scale)
        return Term(similarity, window.camera, camera_from_reference, mask)

    def _patch(self, camera, depth_m):
        """Return the patch's side in pixels, smaller where the X-ray is coarser than asked for."""
        level = self._level
        if level.pixel_mm is None:
            return level.patch
        pixel_mm = 1e3 * max(depth_m, 1e-3) / camera.fx
        radius = math.ceil((level.patch * level.pixel_mm / pixel_mm - 1) / 2)
        return min(level.patch, 2 * max(radius, 1) + 1)

    def _draw(self, volume, camera, carm_from_ct, mask=None):
        """Return the DRR [H, W] of a volume; steps of a voxel are fine enough for an outline."""
        return render(volume, camera, carm_from_ct, mask=mask, backend=self._backend).image[0]

    def moved(self, ct_from_reference, xi):
        """
        Move a pose [4, 4] by a twist [6] about the isocentre in `ct` axes.

        Around a projection, which is compared where it was drawn, no step goes farther than a
        share of the margin.
        """
        if self._region.kind == 'projection' and not self._aims:
            longest_m = _STEP_PER_MARGIN * 1e-3 * self._level.margin_mm
            length_m = np.linalg.norm(xi[:3]) + self._radius_m * np.linalg.norm(xi[3:6])
            xi = xi * min(1.0, longest_m / max(length_m, 1e-12))
        return se3.perturb(xi, ct_from_reference, self.isocentre_m)

    def evaluate(self, ct_from_reference, jacobian='continuum'):
        """Render every view at a pose [4, 4] and return the cost with the renderings."""
        renderings = [self.render_term(term, ct_from_reference, jacobian) for term in self.terms]
        costs = [
            term.similarity.cost(rendering.image[0])
            for term, rendering in zip(self.terms, renderings, strict=True)
        ]
        return Evaluated(float(np.mean(costs)), renderings)

    def render_term(self, term, ct_from_reference, jacobian='continuum'):
        """Return the Rendering of one Term's view at a pose [4, 4]."""
        carm_from_ct = term.camera_from_reference @ se3.inverse(ct_from_reference)
        return self._render(term.camera, carm_from_ct, jacobian, term.mask)

    def _render(self, camera, carm_from_ct, jacobian, mask=None):
        """Return a Rendering: image [1, H, W], or [1, C, H, W] where a network made C volumes."""
        found = [
            render(
                volume,
                camera,
                carm_from_ct,
                jacobian,
                mask,
                step_m=self._step_m,
                isocentre_m=self.isocentre_m,
                backend=self._backend,
            )
            for volume in self._projected
        ]
        if len(found) == 1:
            return found[0]
        columns = None if jacobian == 'none' else np.stack([f.jacobian for f in found], 1)
        return Rendering(np.stack([f.image for f in found], 1), columns)

    def linearise(self, evaluated):
        """Return the Linearisation of the mean cost at an evaluated pose."""
        models = [
            term.similarity.linearise(rendering.image[0], rendering.jacobian[0])
            for term, rendering in zip(self.terms, evaluated.renderings, strict=True)
        ]
        n = len(models)
        return Linearisation(
            sum(m.cost for m in models) / n,
            sum(m.gradient for m in models) / n,
            sum(m.hessian for m in models) / n,
            np.concatenate([m.gradient_parts for m in models]) / n,
        )

    def match(self, ct_from_reference):
        """Return the Match of a pose."""
        self.focus(ct_from_reference)
        drawn = [
            (term.similarity, self.render_term(term, ct_from_reference, 'none').image[0])
            for term in self.terms
        ]
        return Match(
            tuple(similarity.cost(image) for similarity, image in drawn),
            min(similarity.similarity(image) for similarity, image in drawn),
            min(similarity.agreement(image) for similarity, image in drawn),
            self._overlap([image for _, image in drawn], ct_from_reference),
        )

    def _overlap(self, images, ct_from_reference):
        """Return the share of the image that the CT covers, or of its projection that it shows."""
        if self._region.kind == 'whole':
            return min(
                float((_attenuation(image)[window.mask] > COVERED).mean())
                if window.mask.any()
                else 0.0
                for image, window in zip(images, self._windows, strict=True)
            )
        reference_from_ct = se3.inverse(ct_from_reference)
        return min(
            share_in_view(
                window,
                view.camera_from_reference @ reference_from_ct,
                self._volume,
                self._draw,
            )
            for window, view in zip(self._windows, self._views, strict=True)
        )


def _attenuation(image):
    """Return line integrals [H, W] of an image, of which a network's come in channels."""
    return image if image.ndim == 2 else image.mean(0)
