"""Sizes of the model, as named presets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelConfig:
    """
    How much the model can express.

    features            channels of a plane of the mapping, a multiple of 8
    resolutions         cells along a side of the workspace, one per level
    time_strides        frames that share a time column, one per level
    hidden              widths of the hidden layers that read the features
    rounds              times that each coordinate is changed; two use all six pairs of axes twice
    field_resolutions   cells along a side of the canonical field, one per level
    field_features      channels of a plane of the field, a multiple of 8
    field_hidden        width of the field's hidden layer
    frame_gain          whether each frame has a brightness of its own: the light moves along
    """

    features: int = 8
    resolutions: tuple[int, ...] = (8, 24, 64)
    time_strides: tuple[int, ...] = (4, 2, 1)
    hidden: tuple[int, ...] = (32,)
    rounds: int = 2
    field_resolutions: tuple[int, ...] = (32, 96)
    field_features: int = 8
    field_hidden: int = 32
    frame_gain: bool = False


PRESETS = {
    'small': ModelConfig(),
    'full': ModelConfig(
        features=16,
        resolutions=(32, 64, 128, 256),
        time_strides=(2, 2, 1, 1),
        hidden=(64, 64),
        field_resolutions=(64, 256),
        field_hidden=64,
        frame_gain=True,
    ),
}
