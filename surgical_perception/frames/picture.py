"""A picture of the frames: roots on the left, what hangs on them to the right."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from surgical_perception.errors import InputError
from surgical_perception.evaluation.plots import AFTER, AXES, BEFORE, LIMIT

_DPI = 130
_COLUMN_IN, _ROW_IN = 3.6, 0.62
_BOX_HEIGHT = 0.56
_STATIC, _MOVING = LIMIT, AFTER
# Longer names are shortened in their middle, or they would run into the next column.
_NAME_CHARACTERS = 26


def write_frames(tree, path, notes=None, title='Frames'):
    """
    Draw a FrameTree as PNG.

    path        Path of the file; its folder is made
    notes       {frame: text} said below its name, such as the images that are given in it

    Raises InputError where it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _drawn(tree, notes or {}, title).savefig(path)
    except (OSError, ValueError) as error:  # a suffix that Matplotlib does not know
        raise InputError(f'{path}: cannot be written: {error}') from None


def _drawn(tree, notes, title):
    rows, columns = _places(tree)
    depth = max(columns.values(), default=0) + 1
    height, problems = max(rows.values(), default=0) + 1, tree.problems()
    head_in = 0.75 + 0.25 * (len(problems) + 1)
    size = (
        max(depth * _COLUMN_IN + 0.4, 8.0),
        height * _ROW_IN + head_in,
    )
    fig = Figure(figsize=size, dpi=_DPI)
    FigureCanvasAgg(fig)
    share = 1 - head_in / size[1]
    ax = fig.add_axes((0.01, 0.0, 0.98, share))
    ax.set_axis_off()
    ax.set_xlim(-0.1, size[0] / _COLUMN_IN - 0.1)
    ax.set_ylim(height - 0.4, -0.6)
    for child, edge in tree.edges.items():
        _draw_edge(ax, edge, columns, rows, child)
    for frame in rows:
        _draw_frame(ax, frame, columns[frame], rows[frame], notes.get(frame, ''))
    _write_head(fig, title, problems, size[1])
    return fig


def _places(tree):
    """Return ({frame: row}, {frame: column}); a parent stands beside its first child."""
    rows, columns, count = {}, {}, 0

    def place(frame, column):
        nonlocal count
        columns[frame] = column
        children = [child for child in tree.children(frame) if child not in columns]
        if not children:
            rows[frame] = count
            count += 1
            return
        for child in children:
            place(child, column + 1)
        rows[frame] = rows[children[0]]

    for root in tree.roots:
        place(root, 0)
    for frame in tree.frames:  # those in a loop hang on no root
        if frame not in columns:
            place(frame, 0)
    return rows, columns


def _draw_frame(ax, frame, column, row, note):
    ax.text(
        column,
        row,
        _shortened(frame),
        va='center',
        fontsize=10.5,
        fontweight='bold',
        bbox={'boxstyle': 'round,pad=0.32', 'facecolor': 'white', 'edgecolor': '#222222'},
        zorder=3,
    )
    if note:
        ax.text(column, row + 0.38, note, va='center', fontsize=7.5, color=AXES['down'], zorder=3)


def _draw_edge(ax, edge, columns, rows, child):
    if columns[child] != columns.get(edge.parent, -2) + 1:
        return  # closes a loop, which the head names
    x, y = columns[edge.parent], rows[edge.parent]
    to_x, to_y = columns[child], rows[child]
    colour = _STATIC if edge.static else _MOVING
    style = (0, (4, 2)) if edge.static else '-'
    bend = to_x - 0.42
    # Siblings below the first branch off from its line.
    points = [(x, y), (to_x, y)] if y == to_y else [(bend, y), (bend, to_y), (to_x, to_y)]
    ax.plot(*zip(*points, strict=True), color=colour, linestyle=style, linewidth=1.4, zorder=1)
    ax.text(
        to_x - 0.03,
        to_y - 0.13,
        edge.text.replace('static, ', '').replace('moving, ', ''),
        ha='right',
        va='bottom',
        fontsize=7.5,
        color=colour,
    )


def _write_head(fig, title, problems, height_in):
    top = 1 - 0.3 / height_in
    fig.text(0.015, top, title, fontsize=13, fontweight='bold', va='center')
    fig.text(0.985, top, '—  moving', fontsize=9, color=_MOVING, ha='right', va='center')
    fig.text(0.985, top - 0.2 / height_in, '- -  static', fontsize=9, color=_STATIC, ha='right')
    for index, problem in enumerate(problems):
        fig.text(
            0.015, top - (0.32 + 0.25 * index) / height_in, problem, fontsize=8.5, color=BEFORE
        )


def _shortened(name):
    if len(name) <= _NAME_CHARACTERS:
        return name
    half = (_NAME_CHARACTERS - 1) // 2
    return f'{name[:half]}…{name[-half:]}'
