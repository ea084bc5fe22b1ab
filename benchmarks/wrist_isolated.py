"""
What a network leaves of the real wrist's X-rays, beside the bone's DRR at the consensus pose.

    python benchmarks/wrist_isolated.py --weights FOLDER --cases FOLDER [FOLDER ...]

FOLDER of weights as `train similarity --config bone` writes them, cases of that bone as
benchmarks/wrist_cases.py makes them.  The windows are aimed from the first start of each case, as
a registration from there sees them.  Leaves isolated_real.png beside the weights.
"""

import argparse
from pathlib import Path

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.benchmark.case_folder import find_cases, read_case
from xray_registration.drr import render
from xray_registration.learned.aimed import aimed
from xray_registration.learned.network import load_similarity
from xray_registration.pyramid import binned_view
from xray_registration.region import Window
from xray_registration.training.isolation_picture import save_rows
from xray_registration.volume.attenuation import attenuation_from_ct
from xray_registration.volume.loader import load_ct


def main():
    """Draw the picture from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--weights', type=Path, required=True)
    parser.add_argument('--cases', type=Path, nargs='+', required=True)
    options = parser.parse_args()
    cases = [read_case(folder) for folder in find_cases(options.cases)]
    ct = load_ct(cases[0].ct_path)
    network = load_similarity(options.weights, ct.sha256)
    volume = attenuation_from_ct(ct).resampled(1e-3 * network.config.voxel_mm)
    rows = [[], [], []]
    for case in cases:
        start, truth = case.truth.starts[0], case.truth.reference_from_ct
        for view in case.views:
            window, aimed_from_carm = _window(view, start, volume.isocentre_m, network.config)
            left = network.isolation.alone(window.image, window.mask)
            carm_from_ct = aimed_from_carm @ view.camera_from_reference @ truth
            drr = render(volume, window.camera, carm_from_ct).image[0]
            shown = np.where(window.mask, window.image, window.image[window.mask].min())
            for row, image in zip(rows, (shown, left, drr), strict=True):
                row.append(image)
    save_rows(options.weights / 'isolated_real.png', rows)


def _window(view, reference_from_ct, isocentre_m, trained):
    carm_from_ct = view.camera_from_reference @ reference_from_ct
    pixel_m = 1e-3 * trained.isocentre_field_mm / trained.image_size
    depth_m = se3.apply(carm_from_ct, isocentre_m)[2]
    factor = max(1, round(pixel_m * view.camera.fx / depth_m))
    window = Window(*binned_view(view, factor))
    field_mm, size = trained.isocentre_field_mm, trained.image_size
    return aimed(window, carm_from_ct, isocentre_m, field_mm, size)


if __name__ == '__main__':
    main()
