"""The block that residual networks here are made of."""

from torch import nn

_GROUPS = 8


class Residual(nn.Module):
    """Two 3x3 convolutions beside a straight path: [B, C, H, W], H and W by `stride` smaller."""

    def __init__(self, before, after, stride, activation=nn.ReLU):
        super().__init__()
        self.activation = activation()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            group_norm(after),
            activation(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            group_norm(after),
        )
        self.straight = nn.Identity()
        if before != after or stride != 1:
            self.straight = nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), group_norm(after)
            )

    def forward(self, x):
        return self.activation(self.straight(x) + self.body(x))


def group_norm(width):
    """Return the normalisation of `width` channels; that of batches fails where they are small."""
    return nn.GroupNorm(min(_GROUPS, width), width)
