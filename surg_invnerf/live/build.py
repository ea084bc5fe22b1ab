"""The Mapper of a configuration, and what it may be asked besides answers."""

from dataclasses import replace
from pathlib import Path

# Torch and the model are imported by the functions below: they are called where the fit runs, and
# the tracker's process needs neither.


def build_mapper(camera, config):
    """
    Return a Mapper for a working-size StereoCamera and a FitHostConfig.

    Torch and OpenCV are bound to `config.threads` in the whole process that calls this.
    Raises InputError for a preset that does not exist.
    """
    import cv2
    import torch

    from surg_invnerf.correspondence.link import LinkConfig, Linker
    from surg_invnerf.correspondence.registry import make
    from surg_invnerf.fit.config import FIT_PRESETS
    from surg_invnerf.fit.fitter import Fitter
    from surg_invnerf.live.mapper import Mapper
    from surg_invnerf.model.config import PRESETS

    torch.set_num_threads(config.threads)
    cv2.setNumThreads(config.threads)
    fit_config = replace(FIT_PRESETS[config.fit], seed=config.seed)

    def make_fitter(observations):
        capacity = config.window + config.keyframes
        model_config = PRESETS[config.model]
        return Fitter(observations, fit_config, model_config, config.device, capacity=capacity)

    linker = Linker(make(config.correspondence), LinkConfig(gaps=config.gaps))
    return Mapper(camera, config, linker, make_fitter)


def surface_of(mapper):
    """Return the Surface at the newest frame that the fit took, or None before the first step."""
    from surg_invnerf.surface import surface

    if mapper.model is None:
        return None
    number, index = mapper.newest
    return replace(surface(mapper.model, mapper.observations, number), frame=index)


def save_to(mapper, directory, next_id):
    """
    Write surface.ply, surface.pcd, surface.npz and session.npz into a directory; return its path.

    Raises InputError before the first step, or where it cannot be written.
    """
    from surg_invnerf import export, session

    ids, canonical, sigma_m = mapper.anchored()
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    cloud = surface_of(mapper)
    export.write_cloud(directory / 'surface.ply', cloud)
    export.write_cloud(directory / 'surface.pcd', cloud)
    export.write_surface_npz(directory / 'surface.npz', cloud)
    session.save(directory / 'session.npz', mapper.model, canonical, sigma_m, ids, next_id)
    return directory
