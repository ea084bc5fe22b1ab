"""Plots for reports: drawn without a display, labelled with units, in one palette."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

# Okabe and Ito's palette: told apart with every kind of colour vision, and in grey.
BEFORE, AFTER, LIMIT, BAD = '#D55E00', '#0072B2', '#555555', '#CC79A7'
AXES = {'right': '#0072B2', 'down': '#009E73', 'depth': '#E69F00'}

_DPI = 130
_WIDTH_IN = 9.6
# A logarithmic axis shows no zero; less than a hundredth of a millimetre is rounding.
_FLOOR_MM = 1e-2
# Of a longer sequence not every shot is numbered.
_MAX_TICKS = 25


def figure(rows=1, columns=1, height_in=4.0, **subplots):
    """Return (Figure, axes) of a new figure that needs no display."""
    fig = Figure(figsize=(_WIDTH_IN, height_in), dpi=_DPI, layout='constrained')
    FigureCanvasAgg(fig)
    axes = fig.subplots(rows, columns, **subplots)
    for ax in np.ravel(axes):
        ax.spines[['top', 'right']].set_visible(False)
        ax.grid(True, color='#dddddd', linewidth=0.6)
        ax.set_axisbelow(True)
    return fig, axes


def error_curves(path, before_mm, after_mm, axes_error_mm, sigma_mm, seconds, notes=()):
    """
    Plot a sequence of registrations: error before and after, by axis with 2 sigma, and time.

    before_mm, after_mm     [N] mTRE; NaN where nothing came out
    axes_error_mm           [N, 3] signed error along the C-arm's right, down and depth
    sigma_mm                [N, 3] reported standard deviations
    seconds                 [N] computing time; NaN where nothing was computed
    notes                   [(index, text)] said at shots above the first plot
    """
    shot = np.arange(1, len(before_mm) + 1)
    fig, (top, middle, bottom) = figure(
        3, 1, height_in=9.2, sharex=True, gridspec_kw={'height_ratios': [3, 3, 1.6]}
    )
    _draw_mtre(top, shot, np.asarray(before_mm), np.asarray(after_mm), notes)
    _draw_axes(middle, shot, np.asarray(axes_error_mm), np.asarray(sigma_mm))
    time_bars(bottom, shot, seconds)
    fig.align_ylabels()
    fig.savefig(path)


def logarithmic_y(ax):
    """Make the y axis logarithmic, labelled 0.1, 0.2, 0.5, 1, 2, ..."""
    ax.set_yscale('log')
    axis = ax.yaxis
    axis.set_minor_locator(LogLocator(subs=(2, 5)))
    axis.set_major_formatter('{x:g}')
    axis.set_minor_formatter('{x:g}')


def time_bars(ax, shot, seconds):
    """Draw the computing time of each shot as the lowest plot of a sequence."""
    ax.bar(shot, np.nan_to_num(seconds), width=0.55, color=AFTER)
    ax.set_ylabel('computing\ntime (s)')
    ax.set_xlabel('X-ray of the sequence')
    if len(shot) <= _MAX_TICKS:
        ax.set_xticks(shot)
    ax.set_xlim(0.4, len(shot) + 0.6)


def _draw_mtre(ax, shot, before_mm, after_mm, notes):
    ax.set_yscale('log')
    ax.yaxis.set_major_formatter('{x:g}')
    before_mm, after_mm = np.maximum(before_mm, _FLOOR_MM), np.maximum(after_mm, _FLOOR_MM)
    ax.plot(shot, before_mm, 'o--', color=BEFORE, label='before: the pose known so far')
    ax.plot(shot, after_mm, 'o-', color=AFTER, label='after registration')
    ax.axhline(1.0, color=LIMIT, linewidth=1, linestyle=':')
    ax.text(0.45, 1.06, '1 mm', color=LIMIT, va='bottom', fontsize=9)
    ax.set_ylabel('3D error on bone, mTRE (mm)')
    missing = np.isnan(after_mm)
    ax.plot(shot[missing], before_mm[missing], 'x', color=BAD, ms=10, mew=2.5, label='no new pose')
    top = np.nanmax([*before_mm, *after_mm])
    ax.set_ylim(top=top * 8)
    for index, text in notes:
        ax.annotate(
            text,
            (shot[index], top * 1.25),
            (shot[index], top * 2.4),
            ha='center',
            fontsize=9,
            arrowprops={'arrowstyle': '-', 'color': LIMIT, 'linewidth': 0.8},
        )
    ax.legend(loc=(0.2, 0.52), frameon=True, framealpha=0.9, fontsize=9)


def _draw_axes(ax, shot, error_mm, sigma_mm):
    for column, (name, colour) in enumerate(AXES.items()):
        offset = (column - 1) * 0.18  # side by side, or they hide each other
        ax.errorbar(
            shot + offset,
            error_mm[:, column],
            2 * sigma_mm[:, column],
            fmt='o',
            ms=4.5,
            capsize=3,
            color=colour,
            label=name,
        )
    ax.axhline(0, color=LIMIT, linewidth=0.8)
    ax.set_ylabel('error at the CT centre (mm)\nbars: ± 2 reported sigma')
    ax.legend(ncols=3, loc='lower right', bbox_to_anchor=(1, 0.97), frameon=False, fontsize=9)
