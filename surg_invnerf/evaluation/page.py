"""`result.json` and the HTML page of an evaluated clip."""

import numpy as np

from surgical_perception.evaluation import plots, report, results
from surgical_perception.evaluation.tracking import point_errors

REPORT, CURVES = 'report.html', 'errors.png'

_MM_PER_M = 1e3
# The numbers that the page begins with; the table beside the controls has all.
_FIRST = (
    'points',
    'coverage',
    'delta_avg_2d',
    'delta_avg_3d',
    'occlusion_accuracy',
    'ellipsoids',
    'delta_avg',
    'labels_reached',
    'depth_error',
    'depth_median',
    'depth_coverage',
)
# A logarithmic axis shows no zero; less is rounding.
_FLOOR = {'px': 0.05, 'mm': 0.05}
_COLOURS = (plots.AFTER, plots.BEFORE, plots.BAD, plots.LIMIT)


def write(folder, clip, scores, config, inputs, seed, curves=None, frames=()):
    """
    Write both files; return the path of the page.

    scores      {candidate: {name: Metric}}, the one that is judged first, then its controls
    curves      path of a picture of errors over time, or None
    frames      rows of the judged candidate, one for each frame
    """
    judged, *others = scores
    extra = {
        'clip': clip.name,
        'evaluated': judged,
        'controls': {name: scores[name] for name in others},
        'frames': frames,
    }
    results.write_result(folder, scores[judged], config, inputs=inputs, seed=seed, extra=extra)
    sections = [
        report.Section(
            'Beside the controls',
            _CONTROLS_TEXT,
            header=('what', 'unit', *scores),
            rows=tuple(_rows(scores)),
        )
    ]
    if curves is not None:
        sections.insert(0, report.Section('Error over time', _CURVES_TEXT, curves))
    return report.write_report(
        folder / REPORT,
        f'{judged} on {clip.name}',
        summary(scores),
        {name: scores[judged][name] for name in _FIRST if name in scores[judged]},
        sections,
        'Research use only.',
    )


def summary(scores):
    """Return the outcome in one sentence: the first score that is a share, for each candidate."""
    judged = next(iter(scores.values()))
    name = next(
        (n for n in ('delta_avg_2d', 'delta_avg', 'depth_error') if n in judged),
        next(iter(judged)),
    )
    values = (
        f'{candidate} {found[name].value:.1f} {found[name].unit}'
        for candidate, found in scores.items()
        if name in found
    )
    coverage = next((m.value for n, m in judged.items() if n.endswith('coverage')), float('nan'))
    return f'{name} ({judged[name].text}): {", ".join(values)}; coverage {coverage:.1f} %.'


def error_curves(path, candidates, truth):
    """Plot the median error of the visible points per frame, in pixels and millimetres."""
    rows = 2 if truth.xyz_m is not None else 1
    fig, axes = plots.figure(rows, 1, height_in=3.2 * rows, sharex=True)
    for ax, unit in zip(np.ravel(axes), ('px', 'mm'), strict=False):
        for candidate, colour in zip(candidates, _COLOURS, strict=False):
            if unit == 'px':
                errors = point_errors(candidate.uv, truth.uv, truth.visible)
            elif candidate.xyz_m is not None:
                errors = _MM_PER_M * point_errors(candidate.xyz_m, truth.xyz_m, truth.visible)
            else:
                continue
            middle, high = np.maximum(_quantiles(errors, truth.visible), _FLOOR[unit])
            frames = np.arange(len(middle))
            ax.plot(frames, middle, color=colour, label=candidate.name)
            ax.plot(frames, high, color=colour, linewidth=0.7, linestyle=':')
        ax.set_yscale('log')
        ax.yaxis.set_major_formatter('{x:g}')
        ax.set_ylabel(f'error of visible points ({unit})')
    ax.set_xlabel('frame')
    np.ravel(axes)[0].legend(fontsize=9)
    fig.savefig(path)
    return path


def _quantiles(errors, visible):
    """Return ([T] median, [T] 90th percentile) over visible points; NaN where none is visible."""
    found = np.full((2, errors.shape[1]), np.nan)
    for frame in np.flatnonzero(visible.any(0)):
        kept = errors[visible[:, frame], frame]
        found[:, frame] = np.percentile(kept, (50, 90), method='higher')
    return found


def _rows(scores):
    judged = next(iter(scores.values()))
    for name, metric in judged.items():
        values = (found[name].value if name in found else '' for found in scores.values())
        yield (f'{name}: {metric.text}', metric.unit, *values)


_CONTROLS_TEXT = (
    'Static: every point stays where it was queried. Flow chaining: optical flow from frame to '
    'frame, with the depth of stereo. A dash is a failure: an error that is infinite.'
)
_CURVES_TEXT = 'Median of the visible points in each frame; dotted, the 90th percentile.'
