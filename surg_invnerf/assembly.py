"""The pipeline that the parameters of the node describe."""

import dataclasses

import torch

from surg_invnerf.live.pipeline import LivePipeline
from surg_invnerf.parameters import live_config
from surgical_perception.errors import InputError


def pipeline_maker(parameters):
    """
    Return the function (StereoCamera, first id) -> LivePipeline of SurgInvnerfParameters.

    Raises InputError for values that no pipeline accepts, and for cuda where there is none.
    """
    config = live_config(parameters, _device(parameters.device)).validated()

    def make(camera, first_id):
        return LivePipeline(camera, dataclasses.replace(config), first_id=first_id)

    return make


def _device(name):
    available = torch.cuda.is_available()
    if name == 'cuda' and not available:
        raise InputError('device is cuda, but torch finds none: set device to auto or cpu')
    return 'cuda' if available and name != 'cpu' else 'cpu'
