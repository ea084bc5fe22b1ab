"""Bags as a rerun recording in a file."""

from pathlib import Path

from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.viewer.layout import layout
from surgical_perception.viewer.scene import DRAWN_TYPES, Scene
from surgical_perception.viewer.sdk import rerun_sdk

APPLICATION = 'surgical_perception'


def write_recording(bags, path, progress=lambda share: None):
    """
    Write everything of one or several bags that can be drawn as a rerun recording (.rrd).

    progress    called with the share that is done

    Returns the path.  Raises InputError for unreadable bags and where nothing can be drawn.
    """
    rr = rerun_sdk()
    path = Path(path)
    recording = rr.RecordingStream(APPLICATION, make_default=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        recording.save(path)
    except OSError as error:
        raise InputError(f'{path}: cannot be written: {error}') from None
    scene, drawn = Scene(recording), 0
    for index, bag in enumerate(bags):
        with BagReader(bag) as reader:
            topics = {name: t for name, t in reader.topics.items() if t.type in DRAWN_TYPES}
            total = max(sum(topic.count for topic in topics.values()), 1)
            for count, (name, stamp_ns, data) in enumerate(reader.raw(list(topics))):
                scene.add(name, topics[name].type, reader.decoded(name, data), stamp_ns)
                progress((index + count / total) / len(bags))
                drawn += 1
    if not drawn:
        path.unlink(missing_ok=True)
        raise InputError(
            f'{", ".join(map(str, bags))}: holds nothing that can be drawn: expected one of '
            f'{", ".join(DRAWN_TYPES)}'
        )
    recording.send_blueprint(layout(scene))
    recording.flush()
    recording.disconnect()
    return path
