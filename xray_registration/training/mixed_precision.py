"""Networks in bfloat16 on a GPU, and what becomes of their output in float32: poses need it."""

import torch

# Of the devices that are faster so.
_DEVICES = ('cuda',)


def mixed(network, image):
    """
    Return network(image), computed in bfloat16 where that is faster, as float32 tensors.

    Not for forward-mode derivatives, which autocast does not carry: those stay in float32.
    """
    device = image.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device in _DEVICES):
        found = network(image)
    if isinstance(found, dict):
        return {name: features.float() for name, features in found.items()}
    return found.float()
