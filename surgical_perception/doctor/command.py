"""`surgical-perception doctor`: one section after the other, whatever fails in one of them."""

import os
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from surgical_perception.bags import BagReader
from surgical_perception.doctor.dds import dds_findings
from surgical_perception.doctor.machine import machine_findings, ros_findings
from surgical_perception.errors import InputError
from surgical_perception.findings import Finding, Level, say, show_findings
from surgical_perception.frames.picture import write_frames
from surgical_perception.frames.tree import tree_of_bag
from surgical_perception.runtime.environment import prepare_ros


def run(picture, seconds, bag=None):
    """
    Examine, print, draw the frames, and return whether nothing is broken.

    picture     PNG for the frames, where there are any
    seconds     how long the running graph is listened to
    bag         draw the frames of this bag, in the place of the graph's

    Raises InputError where the bag or the picture cannot be used.
    """
    console, worst = Console(), []

    def section(title, findings):
        say(console, f'\n[bold]{title}[/]', '')
        show_findings(console, findings)
        worst.extend(finding.level for finding in findings)

    section('machine', _examined('machine', machine_findings))
    ros = _examined('ROS', ros_findings)
    section('ROS', ros)
    # As the terminal has it, before this process gets the variables of a node.
    section('DDS', _examined('DDS', lambda: dds_findings(dict(os.environ))))
    works = all(finding.level is not Level.ERROR for finding in ros)
    frames = []  # (FrameTree, {frame: what is given in it}, title)
    if works:
        section('images over DDS', _examined('images', lambda: [_probed(console)]))
    if works and bag is None:
        section('running now', _examined('graph', lambda: _heard(console, seconds, frames)))
    if bag is not None:
        section('bag', _frames_of_bag(bag, frames))
    for tree, notes, title in frames:
        if tree.edges:
            say(console, '\n[bold]frames[/]', '')
            say(console, '', tree.text())
            write_frames(tree, Path(picture), notes, title)
            say(console, '', f'Look at {picture}')
    return Level.ERROR not in worst


def _examined(name, examine):
    """Return the Findings of a section; a doctor that falls ill says so and goes on."""
    try:
        return examine()
    except InputError as error:
        return [Finding(Level.ERROR, name, str(error))]
    except Exception as error:  # the other sections are still worth reading
        text = f'the examination failed: {type(error).__name__}: {" ".join(str(error).split())}'
        return [Finding(Level.ERROR, name, text)]


def _probed(console):
    from surgical_perception.doctor.probe import probe

    with _context() as context, console.status('sending images to another process'):
        return probe(context)


def _heard(console, seconds, frames):
    """Return the Findings about the running graph, and put its frames into `frames`."""
    from surgical_perception.doctor import graph

    with _context() as context, console.status(f'listening for {seconds:g} s'):
        heard = graph.listen(context, seconds)
    frames.append((heard.tree, heard.cameras, 'Frames of the running graph'))
    return graph.graph_findings(heard, seconds)


def _frames_of_bag(bag, frames):
    with BagReader(bag) as reader:
        tree = tree_of_bag(reader)
    frames.append((tree, {}, f'Frames of {Path(bag).name}'))
    return [Finding(Level.WARNING, 'frames', text) for text in tree.problems()]


@contextmanager
def _context():
    """Yield an rclpy context with the settings of a node."""
    prepare_ros()
    import rclpy
    from rclpy.context import Context

    context = Context()
    rclpy.init(context=context)
    try:
        yield context
    finally:
        rclpy.try_shutdown(context=context)
