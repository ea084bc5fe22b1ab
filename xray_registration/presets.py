"""Settings that belong together, as data: a whole body, or one segmented bone."""

from dataclasses import replace

from xray_registration.config import PyramidLevel, RegistrationConfig, TrackingConfig

# A bone fills a small and changing part of the image, so its levels are in mm and not in shares
# of the image.  Windows of 13 mm lead in from the side, windows of 6 mm end; wide margins while
# the projection may be off by as much, narrow ones at the end, where each pixel of other anatomy
# only disturbs.
_LEAD_IN = PyramidLevel(
    None, 0.8, 'local_ncc', 15, patch=11, pixel_mm=1.15, margin_mm=10.0, redraws=3
)
_FINE = PyramidLevel(None, 0.5, 'local_ncc', 15, patch=11, pixel_mm=0.58, margin_mm=3.0, redraws=3)
# A kernel of 2.4 mm: its Gaussian has a standard deviation of 0.4 mm.
_FINE_GRADIENT = replace(_FINE, similarity='gradient_ncc', pixel_mm=0.29, patch=9)

BONE_SIMILARITIES = {'local_ncc': _FINE, 'gradient_ncc': _FINE_GRADIENT}


def around_projection(config, similarity='local_ncc'):
    """
    Return a RegistrationConfig turned to a CT that holds one segmented bone.

    `similarity` is that of the last level, one of BONE_SIMILARITIES.  Gate and search limits stay
    as they are.
    """
    levels = (_LEAD_IN, BONE_SIMILARITIES[similarity])
    tracking = tuple(replace(level, max_steps=6, redraws=1) for level in levels)
    return replace(
        config,
        levels=levels,
        search_levels=len(levels),
        tracking=TrackingConfig(config.tracking.max_gap_s, tracking),
        region=replace(config.region, kind='projection', leave_out_cut=True),
    )


def segmented_bone(similarity='local_ncc'):
    """Return the RegistrationConfig for one segmented bone within a full X-ray."""
    config = around_projection(RegistrationConfig(), similarity)
    return replace(
        config,
        gate=replace(
            config.gate,
            # Soft tissue and other bones, which the CT lacks, leave this much unexplained.
            max_cost_ok=0.40,
            max_cost_degraded=0.50,
            min_gain_ok=0.2,
            min_gain_degraded=0.1,
            max_sigma_lateral_mm=1.0,
            max_sigma_depth_mm=1.0,
            test_mirrored=False,
        ),
        # Neighbouring minima of a long bone lie closer than those of a body.
        multistart=replace(
            config.multistart, max_starts=10, rotation_deg=8.0, in_plane_mm=5.0, depth_mm=5.0
        ),
    )
