"""`surgical-perception doctor`: one section after the other, whatever fails in one of them."""

import os
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
    tree, notes, title = None, {}, ''
    if works:
        section('images over DDS', _examined('images', lambda: [_probed(console)]))
    if works and bag is None:
        graph = _heard(console, seconds)
        section('running now', graph[0])
        tree, notes, title = graph[1], graph[2], 'Frames of the running graph'
    if bag is not None:
        with BagReader(bag) as reader:
            tree, title = tree_of_bag(reader), f'Frames of {Path(bag).name}'
        section('bag', [Finding(Level.WARNING, 'frames', text) for text in tree.problems()])
    if tree and tree.edges:
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
    except Exception as error:
        text = f'the examination failed: {type(error).__name__}: {" ".join(str(error).split())}'
        return [Finding(Level.ERROR, name, text)]


def _probed(console):
    from surgical_perception.doctor.probe import probe

    with _context() as context, console.status('sending images to another process'):
        return probe(context)


def _heard(console, seconds):
    """Return (Findings, FrameTree, {frame: topic}) of the running graph."""
    from surgical_perception.doctor import graph

    with _context() as context, console.status(f'listening for {seconds:g} s'):
        heard = graph.listen(context, seconds)
    return graph.graph_findings(heard, seconds), heard.tree, heard.cameras


class _context:
    """An rclpy context with the settings of a node."""

    def __enter__(self):
        prepare_ros()
        import rclpy
        from rclpy.context import Context

        self._context = Context()
        rclpy.init(context=self._context)
        return self._context

    def __exit__(self, *exception):
        import rclpy

        rclpy.try_shutdown(context=self._context)
