"""The numbers as a Markdown page: a table for each group of Summaries."""

from surgical_perception.evaluation.metrics import SUCCESS_MM

_COLUMNS = (
    'method',
    'trials',
    'failures',
    f'< {SUCCESS_MM:g} mm (95 % interval)',
    '< 2 mm',
    'mTRE mm, 50/75/95 %',
    'mPE mm, 50/75/95 %',
    'rotation deg',
    'in-plane mm',
    'depth mm',
    'capture mm',
    'time s, 50/95 %',
    'against lm: difference (95 % interval), only it/only lm',
    'p',
)


def markdown(summaries, notes):
    """Return the page of some Summaries and sentences for the reader."""
    blocks = ['# Registration benchmark', '\n'.join(f'- {note}' for note in notes)]
    for group in dict.fromkeys(s.group for s in summaries):
        here = [s for s in summaries if s.group == group]
        rows = [_COLUMNS, ['---'] * len(_COLUMNS), *map(_cells, here)]
        blocks += [f'## {group}', '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)]
        blocks += [
            f'- {s.method}: {count} of {s.trials} failed: {text}'
            for s in here
            for text, count in s.errors.items()
        ]
    return '\n\n'.join(block for block in blocks if block) + '\n'


def _cells(s):
    return [
        s.method,
        str(s.trials),
        str(s.failures),
        f'{s.success:.1%} ({s.success_low:.0%}-{s.success_high:.0%})',
        f'{s.within_2_mm:.1%}',
        _several(s.mtre_mm),
        _several(s.mpe_mm),
        *(f'{x:.3g}' for x in (s.rotation_deg, s.in_plane_mm, s.depth_mm)),
        '' if s.capture_mm is None else f'{s.capture_mm:.0f}',
        '' if s.time_s is None else _several(s.time_s),
        *_against(s.against),
    ]


def _several(values):
    return ' / '.join(f'{x:.3g}' for x in values)


def _against(paired):
    if paired is None:
        return '', ''
    return (
        f'{paired.difference:+.1%} ({paired.low:+.0%} to {paired.high:+.0%}), '
        f'{paired.gained}/{paired.lost} of {paired.pairs}',
        f'{paired.p:.2g}',
    )
