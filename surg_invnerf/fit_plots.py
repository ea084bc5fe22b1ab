"""How a fit went: loss, error and converged share over its steps, and where the error is."""

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from surgical_perception.evaluation import plots

_STAGE_COLOURS = ('#f2f2f2', '#ffffff')
# Steps over which a curve is smoothed: single batches say little.
_SMOOTH = 15
_MAPS = 6
_MAP_LIMIT_PX = 2.0


def history_curves(path, history, samples=_SMOOTH):
    """Plot a Fit's history {'loss', 'reprojection_px', 'converged_share', 'stage'} [steps]."""
    steps = np.arange(1, len(history['loss']) + 1)
    fig, (top, middle, bottom) = plots.figure(
        3, 1, height_in=7.5, sharex=True, gridspec_kw={'height_ratios': [2, 2, 2]}
    )
    _draw_noisy(top, steps, history['loss'], samples)
    top.set_ylabel('loss')
    _draw_noisy(middle, steps, history['reprojection_px'], samples)
    middle.set_ylabel('reprojection error\nof a batch (px)')
    bottom.plot(steps, 100 * np.asarray(history['converged_share']), color=plots.AFTER)
    bottom.set_ylabel('converged cells\nof the stage (%)')
    bottom.set_ylim(0, 102)
    bottom.set_xlabel('step')
    bottom.set_xlim(0, len(steps))
    for ax in (top, middle, bottom):
        _shade_stages(ax, np.asarray(history['stage']))
    _name_stages(top, np.asarray(history['stage']))
    fig.align_ylabels()
    fig.savefig(path)


def error_maps(path, error_grids, images):
    """
    Plot reprojection errors {frame: [gh, gw] px; NaN unknown} over images {frame: [H, W, 3]}.

    Frames are spread evenly over all.
    """
    frames = sorted(error_grids)
    places = np.linspace(0, len(frames) - 1, min(_MAPS, len(frames))).round().astype(int)
    columns = min(3, len(places))
    rows = -(-len(places) // columns)
    fig, axes = plots.figure(rows, columns, height_in=2.9 * rows, squeeze=False)
    drawn = None
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, place in zip(axes.flat, places, strict=False):
        frame = frames[place]
        height, width = images[frame].shape[:2]
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        ax.imshow(images[frame].mean(-1), cmap='gray', extent=extent)
        drawn = ax.imshow(
            error_grids[frame],
            cmap='inferno',
            vmin=0,
            vmax=_MAP_LIMIT_PX,
            alpha=0.6,
            extent=extent,
            interpolation='nearest',
        )
        ax.set_title(f'frame {frame}', fontsize=10)
    fig.colorbar(drawn, ax=axes, shrink=0.8, label='reprojection error (px)', extend='max')
    fig.savefig(path)


def _draw_noisy(ax, steps, values, samples):
    values = np.asarray(values, float)
    ax.plot(steps, values, color=plots.AFTER, alpha=0.25, linewidth=0.8)
    if len(values) > 2 * samples:
        smooth = np.convolve(values, np.full(samples, 1 / samples), 'valid')
        half = samples // 2
        ax.plot(steps[half : half + len(smooth)], smooth, color=plots.AFTER)
    ax.set_yscale('log')
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter('{x:g}')
    ax.yaxis.set_minor_formatter(NullFormatter())


def _shade_stages(ax, stages):
    for stage in np.unique(stages):
        inside = np.flatnonzero(stages == stage)
        colour = _STAGE_COLOURS[int(stage) % 2]
        ax.axvspan(inside[0] + 0.5, inside[-1] + 1.5, color=colour, zorder=-2)


def _name_stages(ax, stages):
    for stage in np.unique(stages):
        middle = np.flatnonzero(stages == stage).mean() + 1
        ax.text(
            middle,
            1.01,
            f'stage {int(stage) + 1}',
            transform=ax.get_xaxis_transform(),
            ha='center',
            va='bottom',
            fontsize=9,
        )
