"""Settings that belong together, as data: a whole body, or one segmented bone."""

from dataclasses import replace

from surgical_perception.errors import InputError
from xray_registration.config import PyramidLevel, RegistrationConfig, TrackingConfig

# A bone fills a small and changing part of the image, so its levels are in mm and not in shares
# of the image.  Windows of 13 mm lead in from the side, windows of 6 mm end; wide margins while
# the projection may be off by as much, narrow ones at the end, where each pixel of other anatomy
# only disturbs.
_LEAD_IN = PyramidLevel(
    None, 0.8, 'local_ncc', 15, patch=11, pixel_mm=1.15, margin_mm=10.0, redraws=3
)
_LOCAL = PyramidLevel(
    None, 0.5, 'local_ncc', 15, patch=11, pixel_mm=0.58, margin_mm=3.0, redraws=2
)
# The Gaussian of this kernel has a standard deviation of 0.4 mm, a pixel: larger pixels sample it
# too coarsely to tell the spin about a shaft.
_GRADIENT = replace(_LOCAL, similarity='gradient_ncc', pixel_mm=0.39, patch=7)

# By what the last level compares.  Gradients tell right from wrong: on a real radius a pose turned
# half about the shaft costs 0.63 against 0.37, while local correlation finds both equally good.
BONE_LEVELS = {
    'gradient_ncc': (_LEAD_IN, _LOCAL, _GRADIENT),
    'local_ncc': (_LEAD_IN, _LOCAL),
}


def around_projection(config, similarity='gradient_ncc'):
    """
    Return a RegistrationConfig turned to a CT that holds one segmented bone.

    `similarity` is that of the last level, a key of BONE_LEVELS.  Gate and search limits stay
    as they are.
    """
    levels = BONE_LEVELS[similarity]
    tracking = tuple(replace(level, max_steps=6, redraws=1) for level in levels)
    return replace(
        config,
        levels=levels,
        search_levels=len(levels),
        tracking=TrackingConfig(config.tracking.max_gap_s, tracking),
        region=replace(config.region, kind='projection', leave_out_cut=True),
    )


def segmented_bone(similarity='gradient_ncc'):
    """Return the RegistrationConfig for one segmented bone within a full X-ray."""
    config = around_projection(RegistrationConfig(), similarity)
    return replace(
        config,
        gate=replace(
            config.gate,
            # Soft tissue and other bones, which the CT lacks, leave this much unexplained.  The
            # limits stand between right poses and other minima of a real radius.
            verified_cost=0.42,
            max_cost_ok=0.45,
            max_cost_degraded=0.50,
            min_gain_ok=0.55,
            min_gain_degraded=0.5,
            max_sigma_lateral_mm=1.0,
            max_sigma_depth_mm=1.0,
            test_mirrored=False,
        ),
        # The cortex of a shaft beside the bone is as bright as a wire, and was taken for one.
        masks=replace(config.masks, metal=False),
        # Neighbouring minima of a long bone lie closer than those of a body.
        multistart=replace(
            config.multistart, max_starts=10, rotation_deg=8.0, in_plane_mm=5.0, depth_mm=5.0
        ),
    )


def learned(config, network):
    """
    Return a RegistrationConfig whose first levels are learned, one for each stride of a
    SimilarityNetwork.

    The untrained levels follow, all of them: what a network brings near, they finish, and the
    gate's limits are those of their costs.  Raises InputError for a network of one bone where
    whole images are compared.
    """
    trained = network.config
    if trained.isolation and config.region.kind != 'projection':
        raise InputError(
            'these weights are for one segmented bone: set region.kind to projection, or train '
            'another preset'
        )
    first = PyramidLevel(trained.image_size, trained.voxel_mm, 'learned', 15)
    if config.region.kind == 'projection':
        # The network is shown the CT's surroundings alone, and once more where it has got.
        pixel_mm = trained.isocentre_field_mm / trained.image_size
        first = replace(first, image_size=None, pixel_mm=pixel_mm, redraws=2)
    lead_in = tuple(replace(first, stride=stride) for stride in network.strides)
    return replace(
        config,
        method='spherical',
        levels=lead_in + config.levels,
        search_levels=len(lead_in) + config.search_levels,
    )
