"""
A 3D convolution that turns with the body and yet sees directions: fields of scalars and vectors.

Its kernels at an offset of direction r are those that commute with rotations, each times one
weight per length of the offset:

    scalar from scalar    1
    vector from scalar    r
    scalar from vector    r^T
    vector from vector    I,  [r]x,  r r^T - I / 3

Scalars then pass a ReLU, and vectors are scaled by the sigmoid of a scalar each, which keeps their
directions.  Exact for turns that take the grid to itself.

Source: Weiler et al., NeurIPS 2018 (3D steerable CNNs with gates), for fields of degree 0 and 1.
"""

import torch
from torch import nn
from torch.nn import functional


class SteerableConv3d(nn.Module):
    """
    A convolution from one field to another, each (scalars, vectors).

    A field is a tensor [B, scalars + 3 vectors, Z, Y, X]: the scalars first, then the components
    of each vector along z, y, x.
    """

    def __init__(self, inputs, outputs, side):
        super().__init__()
        self._outputs = outputs
        scalar, vector, matrix = _bases(side)
        self.register_buffer('scalar', scalar, persistent=False)
        self.register_buffer('vector', vector, persistent=False)
        self.register_buffer('matrix', matrix, persistent=False)
        self._side = side
        functions = inputs[0] * len(scalar) + inputs[1] * len(matrix)
        scale = (2 / functions) ** 0.5

        def weight(to, of, basis):
            return nn.Parameter(torch.randn(to, of, len(basis)) * scale)

        self.scalar_from_scalar = weight(outputs[0], inputs[0], scalar)
        self.vector_from_scalar = weight(outputs[1], inputs[0], vector)
        self.scalar_from_vector = weight(outputs[0], inputs[1], vector)
        self.vector_from_vector = weight(outputs[1], inputs[1], matrix)
        self.bias = nn.Parameter(torch.zeros(outputs[0]))

    def kernel(self):
        """Return the weights of an ordinary convolution [outputs, inputs, side, side, side]."""
        rows = (
            (
                torch.einsum('pif,fk->pik', self.scalar_from_scalar, self.scalar),
                torch.einsum('pif,fck->pick', self.scalar_from_vector, self.vector).flatten(1, 2),
            ),
            (
                torch.einsum('pif,fck->pcik', self.vector_from_scalar, self.vector).flatten(0, 1),
                torch.einsum('pif,fcdk->pcidk', self.vector_from_vector, self.matrix)
                .flatten(2, 3)
                .flatten(0, 1),
            ),
        )
        whole = torch.cat([torch.cat(row, 1) for row in rows])
        return whole.unflatten(-1, (self._side,) * 3)

    def forward(self, field):
        # A vector has no preferred direction, so it has no bias.
        bias = functional.pad(self.bias, (0, 3 * self._outputs[1]))
        return functional.conv3d(field, self.kernel(), bias, padding=self._side // 2)


def gate(field, scalars, vectors):
    """
    Return the field (scalars, vectors) of one with a scalar more for each vector, its gate.

    The gates are the last scalars of `field` [B, scalars + vectors + 3 vectors, Z, Y, X].
    """
    kept, gates, gated = field.split((scalars, vectors, 3 * vectors), 1)
    scaled = gated.unflatten(1, (vectors, 3)) * torch.sigmoid(gates)[:, :, None]
    return torch.cat([functional.relu(kept), scaled.flatten(1, 2)], 1)


def _bases(side):
    """Return kernels of unit norm: scalars [F, K], vectors [F, 3, K] and matrices [F, 3, 3, K]."""
    axis = torch.arange(side) - side // 2
    offset = torch.stack(torch.meshgrid(axis, axis, axis, indexing='ij')).flatten(1).double()
    squared = (offset**2).sum(0)
    direction = offset / squared.sqrt().clamp(min=1)
    shells = (squared == torch.unique(squared)[:, None]).double()
    outer = direction[:, None] * direction
    one = torch.eye(3, dtype=torch.float64)
    cross = torch.linalg.cross(one[:, :, None].expand(3, 3, len(squared)), direction[None], dim=1)
    shape = torch.stack([one[:, :, None].expand_as(outer), cross, outer - one[:, :, None] / 3])
    return (
        _normalised(shells),
        _normalised(shells[1:, None] * direction),
        # At the centre there is no direction: the identity alone.
        _normalised(
            torch.cat(
                [
                    shells[:1, None, None] * shape[0],
                    (shells[1:, None, None, None] * shape).flatten(0, 1),
                ]
            )
        ),
    )


def _normalised(basis):
    norm = basis.flatten(1).norm(dim=1).view(-1, *(1,) * (basis.ndim - 1))
    return (basis / norm).float()
