"""The quadratic model of a cost around a pose."""

from typing import NamedTuple

import numpy as np

# Model errors extend over whole bones: smaller blocks would be taken for independent and are not,
# while larger ones are too few to estimate a scatter from.
_BLOCKS_PER_SIDE = 10


class Linearisation(NamedTuple):
    """
    Gauss-Newton model: cost(xi) ~ cost + gradient . xi + 1/2 xi . hessian . xi.

    gradient        [C], C being 6 for a pose alone
    hessian         [C, C], positive semi-definite
    gradient_parts  [N, C] shares of the gradient from N separate image blocks; their scatter
                    tells how well the image determines the gradient (see covariance.py)
    """

    cost: float
    gradient: np.ndarray
    hessian: np.ndarray
    gradient_parts: np.ndarray


def image_parts(values, at_least=1):
    """Sum an image [H, W, C] over square blocks of a tenth of its longer side; return [N, C]."""
    return block_sums(values, max(at_least, -(-max(values.shape[:2]) // _BLOCKS_PER_SIDE)))


def block_sums(values, block):
    """Sum an image [H, W, C] over square blocks (smaller at the end); return [N, C]."""
    rows = np.add.reduceat(values, np.arange(0, values.shape[0], block), axis=0)
    sums = np.add.reduceat(rows, np.arange(0, values.shape[1], block), axis=1)
    return sums.reshape(-1, values.shape[2])
