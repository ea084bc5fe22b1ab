"""Tracks and the reconstructed tissue in 3D, with the endoscope that saw them."""

from dataclasses import dataclass

import numpy as np
import pyvista as pv

from surgical_perception.evaluation import drawing_process
from surgical_perception.geometry import se3

_WINDOW = (1500, 900)
_FRUSTUM, _FOREGROUND = '#E6B800', '#222222'
# The left image is shown at this depth of the frustum, far enough from tissue and scope.
_IMAGE_DEPTH_M = 0.03
_TUBE_M, _POINT_M = 2.5e-4, 7e-4
_LIFT_M = 1e-3  # of tracks above the surface, towards the camera: half in it, they are dashed
_LABELS = {
    'font_size': 18,
    'shape': None,
    'show_points': False,
    'always_visible': True,
    'bold': False,
    'text_color': _FOREGROUND,
}


@dataclass(frozen=True)
class TrackView:
    """
    What the picture shows, in the world (m).

    vertices, triangles, rgb    the tissue at the last frame: [V, 3], [M, 3], [V, 3] uint8
    tracks                      [N, T, 3]; NaN where there is none
    colours                     [N, 3] uint8
    poses                       [T, 4, 4] world_from_camera of the left camera
    camera                      PinholeCamera of the left image
    image                       [H, W, 3] left image at the last frame
    """

    vertices: np.ndarray
    triangles: np.ndarray
    rgb: np.ndarray
    tracks: np.ndarray
    colours: np.ndarray
    poses: np.ndarray
    camera: object
    image: np.ndarray


def track_scene(path, view):
    """Render a TrackView offscreen to a PNG; raises InputError that says what to install."""
    drawing_process.draw(render, path, view)


def render(path, view):
    """Render a TrackView to a PNG in this process."""
    plotter = pv.Plotter(off_screen=True, window_size=_WINDOW, lighting='light kit')
    plotter.set_background('#ffffff', top='#dfe7ef')
    tissue = pv.PolyData.from_regular_faces(np.asarray(view.vertices, float), view.triangles)
    tissue['rgb'] = view.rgb
    plotter.add_mesh(
        tissue, scalars='rgb', rgb=True, smooth_shading=True, ambient=0.45, specular=0.0
    )
    _add_tracks(plotter, view)
    _add_camera(plotter, view)
    _aim(plotter, view)
    plotter.enable_anti_aliasing('msaa', multi_samples=8)
    plotter.screenshot(str(path))
    plotter.close()


def _add_tracks(plotter, view):
    """Draw the way of every point, and a ball where it ends."""
    origins = view.poses[:, :3, 3]
    towards = origins[None] - view.tracks
    lifted = view.tracks + _LIFT_M * towards / np.linalg.norm(towards, axis=-1, keepdims=True)
    for track, colour in zip(lifted, view.colours, strict=True):
        track = track[np.isfinite(track).all(1)]
        if len(track) < 2:
            continue
        line = pv.MultipleLines(track).tube(radius=_TUBE_M, n_sides=6)
        plotter.add_mesh(line, color=colour.tolist(), ambient=0.4)
        ball = pv.Sphere(radius=_POINT_M, center=track[-1], theta_resolution=8, phi_resolution=8)
        plotter.add_mesh(ball, color=colour.tolist(), ambient=0.4)


def _add_camera(plotter, view):
    """Draw the endoscope's way, its frustum at the last frame and the image in it."""
    pose, camera = view.poses[-1], view.camera
    u = np.array([0, camera.width, camera.width, 0]) - 0.5
    v = np.array([0, 0, camera.height, camera.height]) - 0.5
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(4)], 1)
    corners = se3.apply(pose, _IMAGE_DEPTH_M * rays)
    plane = pv.PolyData.from_regular_faces(corners, np.array([[0, 1, 2, 3]]))
    plane.active_texture_coordinates = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    texture = pv.numpy_to_texture(np.ascontiguousarray(view.image))
    plotter.add_mesh(plane, texture=texture, lighting=False)
    eye = pose[:3, 3]
    for corner, following in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        plotter.add_mesh(pv.Line(eye, corner), color=_FRUSTUM, line_width=2)
        plotter.add_mesh(pv.Line(corner, following), color=_FRUSTUM, line_width=4)
    way = view.poses[:, :3, 3]
    plotter.add_mesh(pv.MultipleLines(way), color=_FOREGROUND, line_width=2)
    plotter.add_point_labels([eye - 0.004 * pose[:3, 1]], ['endoscope'], **_LABELS)


def _aim(plotter, view):
    """Look from beside and above the endoscope at the tissue, all of it in the picture."""
    right, down, forward = view.poses[-1][:3, :3].T
    plotter.camera.up = -down
    plotter.reset_camera()
    centre = np.array(plotter.camera.focal_point)
    plotter.camera.position = centre - 0.75 * forward - 0.95 * right - 0.6 * down
    plotter.camera.focal_point = centre
    plotter.reset_camera()
    plotter.camera.zoom(1.3)
