"""
What RViz and Foxglove show of the topics, drawn offscreen and left in results/pictures.

As a script it draws in a process of its own, which VTK takes down without a display or EGL.
"""

import pickle
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from surgical_perception.geometry import se3
from surgical_perception.images import image_from_message

FOLDER = Path(__file__).resolve().parents[2] / 'results' / 'pictures'
SIZE = (1000, 800)
BACKGROUND = (255, 255, 255)


def picture_of_topics(name, markers, fixed_from, overlay):
    """
    Draw markers in the fixed frame with an overlay beside them; return the path of the picture.

    markers     visualization_msgs/Markers
    fixed_from  {frame: fixed_from_frame [4, 4]} as TF has it
    overlay     sensor_msgs/Image

    Fails where a marker does not show, and skips where VTK cannot draw here.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    path, shapes = FOLDER / f'{name}.png', [_plain(m, fixed_from) for m in markers]
    task = FOLDER / f'{name}.pickle'
    task.write_bytes(pickle.dumps((str(path), shapes)))
    done = subprocess.run([sys.executable, __file__, str(task)], capture_output=True, text=True)
    task.unlink()
    if done.returncode:
        pytest.skip(f'VTK cannot draw here: {done.stderr.strip()[-200:]}')
    scene = cv2.imread(str(path))
    for shape in shapes:
        assert _shows(scene, shape), f'{shape["kind"]} {shape["rgb"]} does not show'
    beside = cv2.cvtColor(image_from_message(overlay), cv2.COLOR_RGB2BGR)
    scale = scene.shape[0] / beside.shape[0]
    beside = cv2.resize(beside, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(path), np.hstack([scene, beside]))
    return path


def _plain(marker, fixed_from):
    """Return a Marker as arrays in the fixed frame; its colour tells it apart."""
    p, q = marker.pose.position, marker.pose.orientation
    own = se3.from_quaternion([p.x, p.y, p.z], [q.x, q.y, q.z, q.w])
    points = np.array([[p.x, p.y, p.z] for p in marker.points] or [[0.0, 0.0, 0.0]])
    return {
        'kind': {2: 'sphere', 5: 'lines', 9: 'text', 11: 'triangles'}[marker.type],
        'points': se3.apply(fixed_from[marker.header.frame_id] @ own, points),
        'rgb': (marker.color.r, marker.color.g, marker.color.b),
        'alpha': marker.color.a,
        'size': marker.scale.x,
        'text': marker.text,
    }


def _shows(scene, shape):
    """Tell whether pixels have the hue of a shape, shaded or mixed with the white behind."""
    colour = np.array(shape['rgb'][::-1]) * 255
    darkness, wanted = 255 - scene.astype(float), 255 - colour
    # Light and transparency change how much of a colour is seen, not its proportions.
    cosine = (
        darkness
        @ wanted
        / np.maximum(np.linalg.norm(darkness, axis=-1) * np.linalg.norm(wanted), 1e-9)
    )
    return ((cosine > 0.97) & (darkness.max(-1) > 20)).sum() > 50


def _draw(path, shapes):
    import pyvista as pv

    plotter = pv.Plotter(off_screen=True, window_size=SIZE)
    plotter.set_background(BACKGROUND)
    for shape in shapes:
        points, look = shape['points'], {'color': shape['rgb'], 'opacity': shape['alpha']}
        if shape['kind'] == 'triangles':
            faces = np.arange(len(points)).reshape(-1, 3)
            plotter.add_mesh(pv.PolyData.from_regular_faces(points, faces), **look)
        elif shape['kind'] == 'lines':
            for begin, end in points.reshape(-1, 2, 3):
                plotter.add_mesh(pv.Line(begin, end), line_width=3, lighting=False, **look)
        elif shape['kind'] == 'sphere':
            plotter.add_mesh(pv.Sphere(shape['size'] / 2, points[0]), **look)
        else:
            plotter.add_point_labels(
                points, [shape['text']], text_color=shape['rgb'], font_size=28, shape=None,
                show_points=False, always_visible=True,
            )  # fmt: skip
    plotter.reset_camera()
    plotter.camera.zoom(1.2)
    plotter.screenshot(path)
    plotter.close()


if __name__ == '__main__':
    _draw(*pickle.loads(Path(sys.argv[1]).read_bytes()))
