"""One HTML page for a run: it holds its pictures and needs neither network nor scripts."""

import base64
import html
from dataclasses import dataclass
from pathlib import Path

from surgical_perception.evaluation.results import device, versions

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; }
body { margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: .2rem; } h2 { margin-top: 2.2rem; }
img { width: 100%; height: auto; background: #fff; border: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; white-space: nowrap; }
tbody tr:nth-child(even) { background: var(--soft); }
.scroll { overflow-x: auto; } .small { font-size: .85rem; opacity: .8; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); }
"""


@dataclass(frozen=True)
class Section:
    """
    A heading with text, a picture or a table (rows of plain values under a header), and a link.

    link    address of a page that says more, relative to this one
    """

    title: str
    text: str = ''
    picture: Path | None = None
    header: tuple[str, ...] = ()
    rows: tuple[tuple, ...] = ()
    link: str = ''


def write_report(path, title, summary, metrics, sections, footer=''):
    """Write the page: a summary, the table of {name: Metric}, then Sections; return the path."""
    numbers = Section(
        'Numbers',
        header=('value', 'unit', 'what'),
        rows=tuple((_number(m.value), m.unit, m.text) for m in metrics.values()),
    )
    body = [_section(section) for section in (numbers, *sections)]
    facts = {**versions(), **device()}
    about = ', '.join(f'{name} {value}' for name, value in facts.items())
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>\n'
        f'<h1>{html.escape(title)}</h1>\n<p>{html.escape(summary)}</p>\n{"".join(body)}'
        f'<footer class="small"><p>{html.escape(footer)}</p><p>{html.escape(about)}</p></footer>'
        '\n</body></html>\n'
    )
    Path(path).write_text(page, encoding='utf-8')
    return Path(path)


def _section(section):
    parts = [f'<h2>{html.escape(section.title)}</h2>\n']
    if section.text:
        parts.append(f'<p>{html.escape(section.text)}</p>\n')
    if section.picture is not None:
        data = base64.b64encode(Path(section.picture).read_bytes()).decode()
        parts.append(
            f'<img alt="{html.escape(section.title)}" src="data:image/png;base64,{data}">\n'
        )
    if section.rows:
        parts.append(_table(section.header, section.rows))
    if section.link:
        address = html.escape(section.link)
        parts.append(f'<p><a href="{address}">{address}</a></p>\n')
    return ''.join(parts)


def _table(header, rows):
    def cell(tag, value):
        number = ' class="number"' if isinstance(value, (int, float)) else ''
        return f'<{tag}{number}>{html.escape(_number(value))}</{tag}>'

    # A heading stands over numbers as they stand: to the right.
    heads = (
        f'<th{" class=number" if isinstance(value, (int, float)) else ""}>{html.escape(name)}</th>'
        for name, value in zip(header, rows[0], strict=True)
    )
    lines = (f'<tr>{"".join(cell("td", value) for value in row)}</tr>\n' for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{"".join(heads)}</tr></thead>'
        f'<tbody>\n{"".join(lines)}</tbody></table></div>\n'
    )


def _number(value):
    """Print a number with three significant digits, a failure as a dash."""
    if isinstance(value, float):
        return f'{value:.3g}' if abs(value) < float('inf') else '–'
    return str(value)
