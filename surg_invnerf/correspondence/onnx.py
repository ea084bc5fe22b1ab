"""Flow by an ONNX network that the user brings."""

from surg_invnerf.correspondence.network import Network, points_among, weights_file
from surgical_perception.errors import InputError


class Onnx(Network):
    """
    A network that onnxruntime runs; it says itself which size of image it takes.

    weights     path of the .onnx file; nothing is ever downloaded
    device      'cpu' or 'cuda'
    largest     value of white
    Raises InputError where onnxruntime is missing, and where the file is missing, cannot be loaded
    or takes other inputs.
    """

    def __init__(self, weights, device='cpu', largest=255.0):
        runtime = _onnxruntime()
        path = weights_file(weights)
        engine = 'CUDAExecutionProvider' if device == 'cuda' else 'CPUExecutionProvider'
        if engine not in runtime.get_available_providers():
            raise InputError(
                f'onnxruntime has no {engine} here: install onnxruntime-gpu, or take the device '
                "'cpu'"
            )
        try:
            self._session = runtime.InferenceSession(path, providers=[engine])
        except Exception as error:  # onnxruntime's own types have no common base but this
            raise InputError(f'weights {path} cannot be loaded as ONNX: {error}') from None
        inputs = self._session.get_inputs()
        takes_points = points_among(len(inputs), path.name)
        size = inputs[-1].shape[2:]
        fixed = len(size) == 2 and all(isinstance(n, int) for n in size)
        super().__init__(path.name, takes_points, tuple(size) if fixed else None, largest)

    def _run(self, inputs):
        names = [x.name for x in self._session.get_inputs()]
        return self._session.run(None, dict(zip(names, inputs, strict=True)))


def _onnxruntime():
    try:
        import onnxruntime
    except ImportError:
        raise InputError(
            "correspondence 'onnx' needs onnxruntime: pip install 'surgical_perception[onnx]'"
        ) from None
    return onnxruntime
