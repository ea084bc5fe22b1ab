"""The page of an evaluated bag, and the sections that the demo's page shares with it."""

import numpy as np

from surgical_perception.evaluation import plots, report
from surgical_perception.evaluation.report import Section
from xray_registration.evaluation import capture, drawings
from xray_registration.evaluation.summary import percentile_rows

REPORT = 'report.html'
OVERLAYS, CURVES, SHARES, CAPTURE = 'overlays.png', 'curves.png', 'shares.png', 'capture.png'

# Of a long sequence the page shows these many; result.json has all.
_MAX_ROWS = 200

_NO_TRUTH = (
    'The bag says nothing about where the CT truly was, so nothing here says how accurate a pose '
    'is: sigma is what the registration expects of itself, similarity how well projection and '
    'X-ray agree, and repeatability how far poses scatter. A pose may be repeatable, similar and '
    'wrong.'
)
_CURVES = (
    'The pose known before an X-ray is the one of the last accepted registration, or the one that '
    'was given.'
)


def write(folder, title, table, numbers, found):
    """
    Write the page of an evaluation into `folder`; return its path.

    table, numbers  the rows and their {name: Metric}
    found           Findings: everything else that is to be shown
    """
    known = any(row['has_truth'] for row in table)
    sections = [curves(folder / CURVES, table) if known else trust(folder / CURVES, table)]
    if found.overlays is not None:
        sections.insert(0, found.overlays)
    if known:
        sections += [shares(folder / SHARES, table), percentiles(table)]
    if found.trials:
        sections.append(_capture(folder / CAPTURE, found.trials))
    sections.append(shots(table))
    if found.notes:
        sections.append(Section('Notes', header=('what',), rows=tuple((n,) for n in found.notes)))
    sections.append(_sources(found))
    return report.write_report(
        folder / REPORT, title, summary_line(numbers), numbers, sections, 'Research use only.'
    )


def summary_line(numbers):
    """Return the outcome in one sentence."""
    value = {name: metric.value for name, metric in numbers.items()}
    accepted = value['ok'] + value['degraded']
    text = f'{accepted} of {value["shots"]} X-rays gave a pose'
    if 'smsr' not in value:
        return f'{text}; without a truth there is no accuracy.'
    return (
        f'{text}; {value["smsr"]:.0%} of those with a truth are below 1 mm, median error '
        f'{value["mtre_median"]:.2f} mm.'
    )


def curves(path, table, notes=()):
    """Return the section of the errors over the sequence; `notes` are [(index, text)]."""
    plots.error_curves(
        path,
        before_mm=[row['start_mtre_mm'] for row in table],
        after_mm=[row['mtre_mm'] for row in table],
        axes_error_mm=[row['axes_error_mm'] for row in table],
        sigma_mm=[row['sigma_mm'] for row in table],
        seconds=[row['time_s'] for row in table],
        notes=notes,
    )
    return Section('Errors over the sequence', _CURVES, path)


def trust(path, table):
    """Return the section of what the poses say of themselves, where there is no truth."""
    drawings.trust_curves(path, table)
    return Section('No truth, no accuracy', _NO_TRUTH, path)


def shares(path, table):
    """Return the section of the shares of shots below an error."""
    drawings.shares_below(path, table)
    return Section(
        'How many are how good',
        'Of the X-rays with a truth; one without an accepted pose is below no limit.',
        path,
    )


def percentiles(table):
    """Return the section of the percentiles of every error; a dash is infinite."""
    header, found = percentile_rows(table)
    text = 'An X-ray without an accepted pose has an infinite error, shown as a dash.'
    return Section('Percentiles', text, header=header, rows=found)


def shots(table):
    """Return the section with a line for every shot: errors where they are known."""
    known = any(row['has_truth'] for row in table)
    errors = {
        'before (mm)': 'start_mtre_mm',
        'after (mm)': 'mtre_mm',
        'in-plane (mm)': 'in_plane_mm',
        'depth (mm)': 'depth_mm',
        'rotation (deg)': 'rotation_deg',
    }
    errors = errors if known else {'from the last (mm)': 'step_mm'}
    columns = {**errors, 'similarity': 'similarity', 'time (s)': 'time_s'}
    rows = tuple(
        (
            index + 1,
            row['verdict'] or 'dropped',
            *(float(row[key]) for key in columns.values()),
            _sigmas(row['sigma_mm']),
            row['start'],
            '; '.join(filter(None, [row['reason'], *row['remarks'].values()])),
        )
        for index, row in enumerate(table[:_MAX_ROWS])
    )
    header = ('X-ray', 'verdict', *columns, 'sigma right, down, depth (mm)', 'start', 'said')
    text = '' if len(table) <= _MAX_ROWS else f'The first {_MAX_ROWS}; result.json has all.'
    return Section('Every X-ray', text, header=header, rows=rows)


def _sigmas(sigma_mm):
    return ', '.join('–' if np.isnan(sigma) else f'{sigma:.2g}' for sigma in sigma_mm)


def _capture(path, trials):
    capture.draw(path, trials)
    return Section(
        'Capture range',
        f'{len(trials)} further starts around the truth, spread evenly over their error; the '
        'number in a bar counts its starts, the line is the 95 % Wilson interval.',
        path,
    )


def _sources(found):
    rows = [(name, str(path), digest) for name, (path, digest) in found.inputs.items()]
    return Section(
        'What it was made from',
        found.text,
        header=('input', 'path', 'sha256'),
        rows=tuple(rows),
    )
