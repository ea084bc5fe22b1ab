"""
A picture of what a similarity looks like around the true pose, along each direction of motion.

The learned costs beside the untrained one and both geodesics, each scaled to its largest value: a
similarity that leads home has one valley, as wide as the geodesics'.  Like figure 3 of Chen and
Kong, WACV 2026.
"""

import numpy as np
import torch

from surgical_perception.evaluation import plots
from surgical_perception.geometry import se3
from xray_registration.config import PyramidLevel, RegistrationConfig
from xray_registration.learned import geodesics
from xray_registration.learned.isolation import ISOLATED
from xray_registration.learned.pose_range import tensor
from xray_registration.learned.whole_image import WHOLE
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.simulation.degrade import degrade, preset
from xray_registration.simulation.siddon import project
from xray_registration.views import View, line_integrals
from xray_registration.volume.attenuation import AttenuationConfig, attenuation_from_ct

_STEPS = 21
_DIRECTIONS = (
    ('right', 'mm'), ('down', 'mm'), ('depth', 'mm'),
    ('turn about right', 'deg'), ('turn about down', 'deg'), ('turn about depth', 'deg'),
)  # fmt: skip

# Another attenuation than DRRs have, and a detector: the truth is not quite at the minimum.
_ATTENUATION = AttenuationConfig(22.0, -950.0, 1.3)


def draw_landscape(path, network, ct, config, focal_mm, seed=0):
    """
    Draw costs along the six axes of the camera around a pose, and save a PNG.

    config      SceneConfig: image, offsets and the range that the pose is drawn from
    focal_mm    f of the SO(4) geodesic
    """
    rng = np.random.default_rng(seed)
    volumes = VolumePyramid(attenuation_from_ct(ct), {'similarity': network})
    isocentre_m = volumes.isocentre_m
    truth = config.pose_range.draw(1, isocentre_m, rng)[0]
    counts = degrade(project(ct, config.camera, truth, _ATTENUATION), preset('standard'), rng)
    view = View(line_integrals(counts, 'raw'), config.camera, np.eye(4))
    poses = _poses(truth, isocentre_m, config)
    curves = _costs(view, volumes, network, config, poses)
    curves |= _geodesics(truth, poses, isocentre_m, config, focal_mm)
    fig, axes = plots.figure(2, 3, height_in=5.5)
    half = _half_widths(config)
    for index, ax in enumerate(axes.flat):
        name, unit = _DIRECTIONS[index]
        at = np.linspace(-half[index], half[index], _STEPS)
        for label, values in curves.items():
            style = ':' if label in geodesics.GEODESICS else '-'
            ax.plot(at, values[index] / max(values.max(), 1e-12), style, label=label)
        ax.set(xlabel=f'{name} ({unit})', ylim=(0, 1.05))
    axes[0, 0].set_ylabel('cost / largest')
    axes[1, 0].set_ylabel('cost / largest')
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc='outside upper center', ncols=5)
    fig.savefig(path)


def _half_widths(config):
    """Return the half widths [6] of the axes, in mm and degrees."""
    lateral = config.offset_in_plane_mm
    return [lateral, lateral, config.offset_depth_mm] + 3 * [config.offset_rotation_deg]


def _poses(truth, isocentre_m, config):
    """Return carm_from_ct [6, N, 4, 4] along each axis of the camera."""
    unit = np.r_[np.full(3, 1e-3), np.full(3, np.deg2rad(1.0))]
    centre = se3.apply(truth, isocentre_m)
    offsets = np.outer(_half_widths(config), np.linspace(-1, 1, _STEPS))
    return np.stack(
        [
            [se3.perturb(np.eye(6)[axis] * unit * offset, truth, centre) for offset in line]
            for axis, line in enumerate(offsets)
        ]
    )


def _costs(view, volumes, network, config, poses):
    """Return {label: costs [6, N]} of the learned strides and of local correlation."""
    size, voxel = config.image_size, config.voxel_mm
    levels = {
        f'learned, {_named(stride)}': PyramidLevel(size, voxel, 'learned', 0, stride=stride)
        for stride in network.strides
    }
    levels['untrained (local NCC)'] = PyramidLevel(size, voxel, 'local_ncc', 0)
    found = {}
    for label, level in levels.items():
        objective = LevelObjective([view], volumes, level, RegistrationConfig())
        with torch.no_grad():
            found[label] = np.array(
                [
                    [objective.evaluate(se3.inverse(pose), 'none').cost for pose in line]
                    for line in poses
                ]
            )
    return found


def _named(stride):
    return {WHOLE: 'whole image', ISOLATED: 'isolated bone'}.get(stride, f'stride {stride}')


def _geodesics(truth, poses, isocentre_m, config, focal_mm):
    """Return {kind: distances [6, N]} in mm."""
    distance_m = 1e-3 * config.pose_range.source_to_isocentre_mm
    centre = torch.as_tensor(isocentre_m, dtype=torch.float32)
    flat = geodesics.recentred(tensor(poses.reshape(-1, 4, 4)), centre, distance_m)
    home = geodesics.recentred(tensor(truth[None]), centre, distance_m)
    return {
        kind: geodesics.distance_mm(flat, home, kind, focal_mm).numpy().reshape(6, -1)
        for kind in geodesics.GEODESICS
    }
