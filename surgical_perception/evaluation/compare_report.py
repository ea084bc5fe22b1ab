"""Table, picture and page of a Comparison of two runs."""

from pathlib import Path

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation import plots, report, results

TABLE, PLOT, REPORT, JSON = 'compare.md', 'compare.png', 'report.html', 'compare.json'
_HEADER = ('what', 'first', 'second', 'second - first', '95 % interval', 'rows')
# What two runs are drawn by, the first that both have.
_MAIN = ('mtre_mm', 'median_mm', 'median_px', 'similarity')
_LOGARITHMIC = _MAIN[:3]
_MAX_VERDICTS = 50


def write(folder, comparison):
    """Write table, picture, page and JSON into `folder`; return the path of the page."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TABLE).write_text(markdown(comparison), encoding='utf-8')
    except OSError as error:
        raise InputError(f'{folder}: is no folder to write to: {error.strerror}') from None
    results.write_json(folder / JSON, _plain(comparison))
    sections = []
    if comparison.changes:
        draw(folder / PLOT, comparison)
        sections.append(report.Section('Differences', _PLOT_TEXT, folder / PLOT))
        sections.append(
            report.Section(
                'Row by row', _TEXT, header=_HEADER, rows=tuple(_lines(comparison.changes))
            )
        )
    if comparison.metrics:
        rows = tuple(
            (name, first, second, second - first, unit, text)
            for name, unit, text, first, second in comparison.metrics
        )
        header = ('metric', 'first', 'second', 'second - first', 'unit', 'what')
        sections.append(report.Section('Metrics of the runs', header=header, rows=rows))
    if comparison.verdicts:
        sections.append(
            report.Section(
                'Other verdicts',
                header=('shot', 'first', 'second'),
                rows=tuple((str(key), a, b) for key, a, b in comparison.verdicts[:_MAX_VERDICTS]),
            )
        )
    title = f'{comparison.second.name} against {comparison.first.name}'
    return report.write_report(folder / REPORT, title, summary(comparison), {}, sections)


def summary(comparison):
    """Return what the comparison comes to, in a few sentences."""
    unit = comparison.first.unit
    parts = [f'{len(comparison.keys)} {unit} are in both runs.' if comparison.keys else '']
    apart = comparison.apart
    if apart['mm']:
        parts.append(
            f'Poses are {np.median(apart["mm"]):.2g} mm (at most {max(apart["mm"]):.2g}) and '
            f'{np.median(apart["deg"]):.2g} (at most {max(apart["deg"]):.2g}) degrees apart.'
        )
    elif apart['deg']:
        parts.append(f'Poses are at most {max(apart["deg"]):.2g} degrees apart.')
    changed = [change.name for change in comparison.changes if change.differs]
    if changed:
        parts.append(f'Beyond chance differ: {", ".join(changed)}.')
    elif any(np.isfinite(change.low) for change in comparison.changes):
        parts.append('No difference is beyond chance.')
    if comparison.verdicts:
        parts.append(f'{len(comparison.verdicts)} verdicts differ.')
    parts += [f'{note[0].upper()}{note[1:]}.' for note in comparison.notes]
    return ' '.join(filter(None, parts))


def markdown(comparison):
    """Return the table of all changes as Markdown, with the summary above it."""
    lines = [
        f'# {comparison.second.name} (second) against {comparison.first.name} (first)',
        '',
        summary(comparison),
    ]
    if comparison.changes:
        lines += ['', f'| {" | ".join(_HEADER)} |', '|---|---:|---:|---:|---:|---:|']
        lines += [f'| {" | ".join(map(_cell, line))} |' for line in _lines(comparison.changes)]
    if comparison.metrics:
        lines += [
            '',
            '| metric | first | second | second - first | unit |',
            '|---|---:|---:|---:|---|',
        ]
        lines += [
            f'| {name} | {_cell(a)} | {_cell(b)} | {_cell(b - a)} | {unit} |'
            for name, unit, _, a, b in comparison.metrics
        ]
    return '\n'.join(lines) + '\n'


def draw(path, comparison):
    """Plot the main number of both runs row by row, and all changes with their intervals."""
    fig, (left, right) = plots.figure(1, 2, height_in=max(3.6, 0.3 * len(comparison.changes)))
    _draw_main(left, comparison)
    _draw_changes(right, comparison.changes)
    fig.savefig(path)


def _draw_main(ax, comparison):
    names = {change.name for change in comparison.changes}
    main = next((name for name in _MAIN if name in names), comparison.changes[0].name)
    rows = np.arange(1, len(comparison.keys) + 1)
    for run, style, colour in (
        (comparison.first, 'o--', plots.BEFORE),
        (comparison.second, '.-', plots.AFTER),
    ):
        values = [run.rows[key].get(main, np.nan) for key in comparison.keys]
        ax.plot(rows, values, style, color=colour, label=run.name, ms=5, linewidth=1)
    if main in _LOGARITHMIC:
        plots.logarithmic_y(ax)
    ax.set(xlabel=comparison.first.unit, ylabel=main)
    ax.legend(fontsize=9)


def _draw_changes(ax, changes):
    """Draw each change in per cent of the first run's mean, so that all share one axis."""
    kept = [c for c in changes if np.isfinite(c.low) and c.first != 0][::-1]
    for height, change in enumerate(kept):
        scale = 100 / abs(change.first)
        colour = plots.BAD if change.differs else plots.LIMIT
        ax.plot([change.low * scale, change.high * scale], [height] * 2, color=colour)
        ax.plot(change.difference * scale, height, 'o', color=colour, ms=5)
    ax.axvline(0, color=plots.LIMIT, linewidth=0.8)
    ax.set_yticks(range(len(kept)), [change.name for change in kept], fontsize=9)
    ax.set_xlabel('second - first (% of the first), 95 % interval')


def _lines(changes):
    for change in changes:
        known = np.isfinite(change.low)
        interval = f'{change.low:.3g} to {change.high:.3g}' if known else '–'
        rows = str(change.rows)
        if change.only_first or change.only_second:
            rows += f' (only first {change.only_first}, only second {change.only_second})'
        yield change.name, change.first, change.second, change.difference, interval, rows


def _cell(value):
    if isinstance(value, float):
        return f'{value:.3g}' if np.isfinite(value) else '–'
    return str(value)


def _plain(comparison):
    return {
        'first': comparison.first.name,
        'second': comparison.second.name,
        'summary': summary(comparison),
        'rows': len(comparison.keys),
        'changes': [
            {
                'name': change.name,
                'first': change.first,
                'second': change.second,
                'difference': change.difference,
                'interval_95': [change.low, change.high],
                'rows': change.rows,
                'only_first': change.only_first,
                'only_second': change.only_second,
            }
            for change in comparison.changes
        ],
        'metrics': [
            {'name': name, 'unit': unit, 'first': a, 'second': b}
            for name, unit, _, a, b in comparison.metrics
        ],
        'verdicts': [{'shot': key, 'first': a, 'second': b} for key, a, b in comparison.verdicts],
        'poses_apart': comparison.apart,
        **results.provenance(),
    }


_TEXT = (
    'Means over the rows that have a value in both runs, their difference and its 95 % interval '
    'from a paired bootstrap in blocks of neighbours. A row that has a value in one run only, '
    'such as the error of a pose that the other did not accept, is counted beside.'
)
_PLOT_TEXT = (
    'Left: row by row. Right: each difference in per cent of the first run, with its interval; '
    'coloured where it leaves out zero.'
)
