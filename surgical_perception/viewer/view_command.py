"""`surgical-perception view`: bags or live topics, in a window or into a file."""

import signal
import tempfile
import threading
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from surgical_perception.viewer.bag_recording import APPLICATION, write_recording
from surgical_perception.viewer.sdk import rerun_sdk
from surgical_perception.viewer.viewer_process import show_file, viewer


def view_bags(bags, save):
    """Show bags; with `save` write that file instead.  Raises InputError as they do."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix='view-') as folder:
        path = Path(save) if save else Path(folder) / 'bags.rrd'
        columns = (TextColumn('{task.description}'), BarColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task('reading', total=1.0)
            write_recording(bags, path, lambda share: progress.update(task, completed=share))
        if save:
            text = f'{path}: open it with `rerun {path}`'
            console.print(text, markup=False, highlight=False, soft_wrap=True)
            return 0
        return show_file(path)


def view_live(save):
    """Show what is published now until Ctrl-C or the viewer's end; return how many messages."""
    rr = rerun_sdk()
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from surgical_perception.viewer.live import record_live

    stopped = threading.Event()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    recording = rr.RecordingStream(APPLICATION)
    try:
        if save:
            recording.save(save)
            return record_live(recording, stopped.is_set)
        with viewer() as (process, address):
            recording.connect_grpc(address)
            return record_live(recording, lambda: stopped.is_set() or process.poll() is not None)
    finally:
        recording.flush()
        recording.disconnect()
        rclpy.try_shutdown()
