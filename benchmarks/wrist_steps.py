"""What is done with one bone at one instant; every step returns numbers for a JSON file."""

import dataclasses

import cv2
import numpy as np
from wrist_beads import mask_without_beads
from wrist_data import load_bone, load_views
from wrist_search import Bone, consensus

from surgical_perception.geometry import se3
from xray_registration.drr import render
from xray_registration.overlay import overlay
from xray_registration.presets import segmented_bone
from xray_registration.registration import register
from xray_registration.simulation.siddon import project
from xray_registration.volume.attenuation import AttenuationConfig

# Half widths of the starts, in mm and degrees alike.
RANGES = (3, 6)
# Bones are moved by up to this within their own X-rays, and searched from as far again.
_MOVED, _MOVES = 4.0, 4
_CROP_MM = 12.0


class Trial:
    """One bone at one instant, beads masked."""

    def __init__(self, name, instant, seed, starts):
        self.name, self.instant, self.seed, self.starts = name, instant, seed, starts
        views = load_views(instant)
        self.views = load_views(instant, [mask_without_beads(view) for view in views])
        self.ct = load_bone(name)
        self.bone = Bone(self.ct, self.views, segmented_bone())
        self.consensus = None

    def errors(self, pose, reference=None):
        """Return (shift of the bone's centre in mm, turn in degrees) against the consensus."""
        reference = self.consensus if reference is None else reference
        centre = self.ct.isocentre_m
        shift = np.linalg.norm(se3.apply(pose, centre) - se3.apply(reference, centre))
        return 1e3 * float(shift), float(
            np.rad2deg(se3.rotation_angle(pose @ se3.inverse(reference)))
        )

    def rng(self, *what):
        """Return a generator of its own for this bone, instant and purpose."""
        return np.random.default_rng([self.seed, *self.name.encode(), int(self.instant), *what])

    def perturbed(self, pose, half_width, rng):
        """Move a pose by up to half_width mm and degrees along and about each axis."""
        twist = rng.uniform(-1, 1, 6) * half_width
        twist = np.r_[1e-3 * twist[:3], np.deg2rad(twist[3:])]
        return se3.perturb(twist, pose, se3.apply(pose, self.ct.isocentre_m))

    def overlays(self):
        """Return the BGR overlays of both views, cropped to the bone's surroundings."""
        pictures = []
        for view in self.views:
            carm_from_ct = view.camera_from_reference @ self.consensus
            drr = render(self.bone.volumes.at(0.4), view.camera, carm_from_ct).image[0]
            rows, columns = np.nonzero(drr > 0)
            margin = round(1e-3 * _CROP_MM * view.camera.fx / carm_from_ct[2, 3])
            crop = np.s_[
                max(rows.min() - margin, 0) : rows.max() + margin,
                max(columns.min() - margin, 0) : columns.max() + margin,
            ]
            picture = overlay(view.image[crop], drr[crop], view.mask[crop])
            pictures.append(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        return pictures


def find_consensus(trial):
    """Search from all around."""
    pose, cost = consensus(trial.bone, trial.name, trial.instant)
    return {'pose': pose.tolist(), 'cost': cost}


def capture(trial):
    """Register from perturbed starts."""
    found = {}
    for half_width in RANGES:
        rng, ends = trial.rng(1, half_width), []
        for _ in range(trial.starts):
            start = trial.perturbed(trial.consensus, half_width, rng)
            pose, cost = trial.bone.estimate(start)
            ends.append((*trial.errors(pose), cost))
        found[str(half_width)] = ends
    return found


def local(trial):
    """Register by local correlation at the last level, from the consensus."""
    bone = Bone(trial.ct, trial.views, segmented_bone('local_ncc'))
    pose, _ = bone.estimate(trial.consensus, init='start')
    return {'errors': trial.errors(pose)}


def mirrored(trial):
    """Search with the mirrored stack: from all around, as for the stored one."""
    ct = load_bone(trial.name, mirrored=True)
    bone = Bone(ct, trial.views, segmented_bone())
    _, cost = consensus(bone, trial.name, trial.instant)
    return {'cost': cost}


def moved_bone(trial):
    """Take the bone's DRR out of the X-rays, put it in elsewhere, and find it there."""
    rng, ends = trial.rng(2), []
    for _ in range(_MOVES):
        truth = trial.perturbed(trial.consensus, _MOVED, rng)
        views = [_with_moved_bone(trial, view, truth) for view in trial.views]
        start = trial.perturbed(truth, RANGES[0], rng)
        pose, _ = Bone(trial.ct, views, segmented_bone()).estimate(start)
        ends.append(trial.errors(pose, truth))
    return {'errors': ends}


def one_view(trial):
    """Register each view alone, from the consensus."""
    found = []
    for view in trial.views:
        result = register([view], trial.bone.volumes, trial.consensus, segmented_bone())
        carm_from_ct = view.camera_from_reference
        points = [
            se3.apply(carm_from_ct @ pose, trial.ct.isocentre_m)
            for pose in (result.reference_from_ct, trial.consensus)
        ]
        found.append(
            {
                'difference_mm': (1e3 * (points[0] - points[1])).tolist(),
                'sigma_mm': result.sigma_mm.tolist(),
                'verdict': result.verdict.value,
                'reason': result.reason,
            }
        )
    return {'views': found}


def two_views(trial):
    """Register both views as `register` does, from the consensus."""
    result = register(trial.views, trial.bone.volumes, trial.consensus, segmented_bone())
    evidence = result.evidence
    return {
        'verdict': result.verdict.value,
        'reason': result.reason,
        'sigma_mm': result.sigma_mm.tolist(),
        'cost': result.cost,
        'gain': float(evidence.gain),
        'errors': trial.errors(result.reference_from_ct),
        'time_s': result.time_s,
    }


def _with_moved_bone(trial, view, truth):
    """Return a View in which the bone is at another pose."""
    old, new = (_bone_image(trial, view, pose) for pose in (trial.consensus, truth))
    # The stack's grey values become line integrals by what the bone's surroundings leave of them.
    near = (cv2.dilate((old > 0).astype(np.uint8), np.ones((41, 41))) > 0) & view.mask
    smooth = [image - cv2.GaussianBlur(image, (0, 0), 20) for image in (old, view.image)]
    scale = float((smooth[0] * smooth[1])[near].sum() / np.square(smooth[0])[near].sum())
    return dataclasses.replace(view, image=view.image + np.float32(scale) * (new - old))


def _bone_image(trial, view, pose):
    """Return the bone's line integrals [H, W] by Siddon's projector, which registers nothing."""
    carm_from_ct = view.camera_from_reference @ pose
    corners = np.array(np.meshgrid(*((0, n) for n in trial.ct.size))).reshape(3, -1).T
    pixels = view.camera.project(se3.apply(carm_from_ct @ trial.ct.ct_from_index, corners))
    left, top = np.maximum(np.floor(pixels.min(0)).astype(int), 0)
    size = (view.camera.width, view.camera.height)
    right, bottom = np.minimum(np.ceil(pixels.max(0)).astype(int) + 1, size)
    camera = view.camera.cropped(int(left), int(top), int(right - left), int(bottom - top))
    image = np.zeros(view.image.shape, np.float32)
    image[top:bottom, left:right] = project(trial.ct, camera, carm_from_ct, AttenuationConfig())
    return image


STEPS = {
    'consensus': find_consensus,
    'capture': capture,
    'local': local,
    'one_view': one_view,
    'two_views': two_views,
    'moved_bone': moved_bone,
    'mirrored': mirrored,
}
