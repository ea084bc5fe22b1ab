"""Bars for the stages of a long computation, with the time that is left."""

from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def bars(console):
    """Yield show(stage, done, total, text), which draws a bar with its ETA for each stage."""
    columns = (
        TextColumn('{task.description:10}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn('left'),
        TimeRemainingColumn(),
        TextColumn('{task.fields[text]}'),
    )
    tasks = {}
    with Progress(*columns, console=console) as progress:

        def show(stage, done, total, text):
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total, text='')
            progress.update(tasks[stage], completed=done, total=total, text=text)

        yield show
