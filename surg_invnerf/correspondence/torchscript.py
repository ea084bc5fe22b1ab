"""Flow by a TorchScript module that the user brings, RAFT as STIRMetrics exports it among them."""

import torch

from surg_invnerf.correspondence.network import Network, points_among, weights_file
from surgical_perception.errors import InputError


class TorchScript(Network):
    """
    A module of `torch.jit.save`.

    weights     path of the file; nothing is ever downloaded
    device      where it runs: 'cpu', 'cuda', 'cuda:1', ...
    size        (height, width) that it was traced for; None where it takes any
    largest     value of white
    Raises InputError where the file is missing, is no TorchScript or takes other inputs.
    """

    def __init__(self, weights, device='cpu', size=None, largest=255.0):
        path = weights_file(weights)
        self._device = _device(device)
        try:
            self._module = torch.jit.load(path, map_location=self._device).eval()
            inputs = len(self._module.forward.schema.arguments) - 1  # the first is the module
        except (RuntimeError, AttributeError) as error:
            raise InputError(
                f'weights {path} cannot be loaded as TorchScript ({_first_line(error)}): '
                'export the network by torch.jit.trace or torch.jit.script, then save'
            ) from None
        super().__init__(path.name, points_among(inputs, path.name), size, largest)

    def _run(self, inputs):
        try:
            with torch.inference_mode():
                output = self._module(*(torch.tensor(x, device=self._device) for x in inputs))
        except RuntimeError as error:
            height, width = inputs[-1].shape[2:]
            raise InputError(
                f'network {self._name} fails on {width}x{height} images ({_first_line(error)}): '
                'give the size that it was traced for'
            ) from None
        outputs = output if isinstance(output, list | tuple) else [output]
        return [x.float().cpu().numpy() for x in outputs]


def _device(name):
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device is {name!r}, expected 'cpu', 'cuda' or 'cuda:1'") from None
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise InputError(f"device is {name!r}, but torch finds no GPU: use 'cpu'")
    return device


def _first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
