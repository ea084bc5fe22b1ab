"""
Flows that the preprocessing of Surg-InvNeRF's authors has written.

Below the clip's folder, which holds `color/`: `RAFT/` or `MFT/` with flows/AAAA_BBBB.npy
([H, W, 2] float, pixels), masks/AAAA_BBBB.png (first channel: consistent there and back; second:
occluded, but consistent in a double cycle) and flow_stats.json ({AAAA: {BBBB: count}}).
"""

import json
from pathlib import Path

import cv2
import numpy as np

from surg_invnerf.correspondence.dense import forward_backward_error
from surg_invnerf.correspondence.provider import DenseMatch, Provider, require_same_size
from surgical_perception.errors import InputError

_METHODS = ('RAFT', 'MFT')


class Precomputed(Provider):
    """
    Flows of a folder, for the frames of its `color/` in their order.

    directory       the clip's folder
    method          'RAFT' or 'MFT'; None for the one that is there
    occluded        whether pixels of the second class count too, with the largest error allowed
    Raises InputError naming what is missing or contradicts the rest.
    """

    # The authors' limit of the cycle.
    max_error_px = 3.0

    def __init__(self, directory, method=None, occluded=False):
        directory = Path(directory).expanduser()
        self._names = sorted(path.stem for path in _folder(directory / 'color').iterdir())
        self._folder = directory / _method(directory, method)
        self._occluded = occluded
        self._flows = _folder(self._folder / 'flows')
        self._masks = _folder(self._folder / 'masks')
        self.gaps = self._gaps(self._statistics())

    def match(self, source, target, initial=None):
        """Return the DenseMatch of two frames; raise InputError where their flow does not fit."""
        size = require_same_size(source, target)
        pair = self._pair(source.index, target.index)
        flow = self._flow(pair, size)
        mask = self._mask(pair, size)
        error = forward_backward_error(flow, self._flow(pair[::-1], size))
        # MFT's masks say nothing of cycles: what they let pass may still disagree.
        error[~mask[..., 0]] = np.inf
        if self._occluded:
            error[mask[..., 1]] = np.nextafter(np.float32(self.max_error_px), np.float32(0))
        return DenseMatch(flow, error)

    def _statistics(self):
        path = self._folder / 'flow_stats.json'
        try:
            statistics = json.loads(path.read_text(encoding='utf-8'))
            pairs = [(a, b) for a, others in statistics.items() for b in others]
        except FileNotFoundError:
            raise InputError(f'{path} is missing: run the preprocessing to its end') from None
        except (json.JSONDecodeError, AttributeError, TypeError) as error:
            raise InputError(f'{path} cannot be read as {{AAAA: {{BBBB: n}}}}: {error}') from None
        unknown = {name for pair in pairs for name in pair} - set(self._names)
        if unknown or not pairs:
            which = f'names {min(unknown)}' if unknown else 'names no pair'
            raise InputError(f'{path} {which}, color/ holds {len(self._names)} frames: mend it')
        return pairs

    def _gaps(self, pairs):
        """Return the distances of all pairs; each pair's files must be there, both ways."""
        number = {name: n for n, name in enumerate(self._names)}
        for a, b in pairs:
            for path in (
                self._flows / f'{a}_{b}.npy',
                self._flows / f'{b}_{a}.npy',
                self._masks / f'{a}_{b}.png',
            ):
                if not path.is_file():
                    raise InputError(f'{path} is missing, flow_stats.json names the pair {a}, {b}')
        return tuple(sorted({abs(number[a] - number[b]) for a, b in pairs}))

    def _pair(self, source, target):
        if max(source, target) >= len(self._names):
            raise InputError(
                f'frame {max(source, target)} has no flows: color/ holds {len(self._names)} frames'
            )
        return self._names[source], self._names[target]

    def _flow(self, pair, size):
        path = self._flows / '{}_{}.npy'.format(*pair)
        try:
            flow = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(f'{path} cannot be read as a NumPy array: {error}') from None
        if flow.shape != (*size, 2) or flow.dtype.kind != 'f':
            raise InputError(
                f'{path} is {flow.shape} of {flow.dtype}, expected {(*size, 2)} of floats: the '
                'frames must have the size that the flows were computed at'
            )
        return flow.astype(np.float32)

    def _mask(self, pair, size):
        path = self._masks / '{}_{}.png'.format(*pair)
        mask = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if mask is None or mask.shape[:2] != size:
            shape = 'no image' if mask is None else mask.shape
            raise InputError(f'{path} is {shape}, expected a mask of {size[1]}x{size[0]} pixels')
        return mask[..., ::-1] > 0


def _folder(path):
    if not path.is_dir():
        raise InputError(f'folder {path} is missing: run the preprocessing of Surg-InvNeRF')
    return path


def _method(directory, method):
    present = [name for name in _METHODS if (directory / name).is_dir()]
    if method is None and len(present) == 1:
        return present[0]
    if method in present:
        return method
    raise InputError(
        f'{directory} holds flows of {" and ".join(present) or "no method"}, asked for '
        f'{method or "the only one"}: expected one of {", ".join(_METHODS)}'
    )
