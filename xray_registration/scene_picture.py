"""The scene of a registration in 3D: bone, C-arm with its X-ray, start, estimate and truth."""

from dataclasses import dataclass

import numpy as np
import pyvista as pv

from surgical_perception.evaluation import drawing_process, plots
from surgical_perception.geometry import se3

_START, _ESTIMATE, _TRUTH = plots.BEFORE, plots.AFTER, '#009E73'
_BONE, _BEAM, _FOREGROUND = '#e8dcc0', '#E6B800', '#222222'
_WINDOW = (1500, 900)
_ZOOM = 1.5  # pyvista fits the ball around the scene, which is long and flat

# Percentiles of an X-ray that become black and white.
_GREY_PERCENTILES = (1, 99)

_BELOW_M = np.array([0, 0, 0.05])  # of a label under what it names
_LABELS = {
    'font_size': 20,
    'shape': None,
    'show_points': False,
    'always_visible': True,
    'bold': False,
    'text_color': _FOREGROUND,
}


@dataclass(frozen=True)
class SceneView:
    """
    What the 3D picture shows, all in the patient frame (m).

    vertices, triangles     bone surface in `ct`
    start, estimate, truth  patient_from_ct [4, 4]; start is None where there was none
    shots                   patient_from_carm of every shot
    track                   [N, 3] way of the X-ray source
    shown                   index of the shot whose X-ray lies on the detector
    xray                    [H, W] of that shot
    camera                  PinholeCamera of the X-ray
    sdd_m                   source to detector
    """

    vertices: np.ndarray
    triangles: np.ndarray
    start: np.ndarray | None
    estimate: np.ndarray
    truth: np.ndarray
    shots: list[np.ndarray]
    track: np.ndarray
    shown: int
    xray: np.ndarray
    camera: object
    sdd_m: float


def scene_3d(path, view):
    """Render a SceneView offscreen to a PNG; raises InputError that says what to install."""
    drawing_process.draw(render, path, view)


def render(path, view):
    """Render a SceneView to a PNG in this process."""
    plotter = pv.Plotter(off_screen=True, window_size=_WINDOW, lighting='light kit')
    plotter.set_background('#ffffff', top='#dfe7ef')
    _add_bone(plotter, view)
    _add_carm(plotter, view)
    for pose, colour, width in (
        (view.start, _START, 2),
        (view.truth, _TRUTH, 7),
        (view.estimate, _ESTIMATE, 2.5),
    ):
        if pose is not None:
            plotter.add_mesh(_box(view, pose), color=colour, line_width=width)
    _add_frame(plotter, np.eye(4), 'patient', 0.12)
    _add_frame(plotter, view.estimate, 'ct', 0.12)
    start = [] if view.start is None else [['box and faint bone: start', _START]]
    plotter.add_legend(
        [
            ['box and bone: registered CT', _ESTIMATE],
            ['box: true CT', _TRUTH],
            *start,
            ['X-ray source, beam, detector', _BEAM],
        ],
        bcolor='#ffffff',
        background_opacity=0.8,
        border=True,
        size=(0.27, 0.15),
        loc='upper left',
        face='rectangle',
    )
    _aim(plotter)
    plotter.enable_anti_aliasing('msaa', multi_samples=8)
    plotter.screenshot(str(path))
    plotter.close()


def _add_bone(plotter, view):
    surface = pv.PolyData.from_regular_faces(np.asarray(view.vertices, float), view.triangles)
    plotter.add_mesh(
        surface.transform(view.estimate, inplace=False), color=_BONE, smooth_shading=True
    )
    if view.start is not None:
        plotter.add_mesh(
            surface.transform(view.start, inplace=False),
            color=_START,
            opacity=0.16,
            smooth_shading=True,
        )


def _add_carm(plotter, view):
    """Draw source, beam and detector of the shown shot, and the way of the source."""
    pose, camera = view.shots[view.shown], view.camera
    corners = se3.apply(pose, camera.corners(view.sdd_m))
    detector = pv.PolyData.from_regular_faces(corners, np.array([[0, 1, 2, 3]]))
    detector.active_texture_coordinates = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    plotter.add_mesh(detector, texture=pv.numpy_to_texture(_grey(view.xray)), lighting=False)
    source = pose[:3, 3]
    for corner, following in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        plotter.add_mesh(pv.Line(source, corner), color=_BEAM, line_width=2)
        plotter.add_mesh(pv.Line(corner, following), color=_BEAM, line_width=4)
    sources = np.array([p[:3, 3] for p in view.shots])
    plotter.add_mesh(pv.MultipleLines(view.track), color=_FOREGROUND, line_width=1.5)
    plotter.add_mesh(
        pv.PolyData(sources), color=_FOREGROUND, point_size=9, render_points_as_spheres=True
    )
    plotter.add_mesh(pv.Sphere(radius=0.018, center=source), color=_BEAM, smooth_shading=True)
    plotter.add_point_labels(
        np.array([source, corners[2:].mean(0)]) - _BELOW_M,
        ['X-ray source', 'detector'],
        **_LABELS,
    )


def _add_frame(plotter, pose, name, length_m):
    """Draw the axes of a frame (x red, y green, z blue) with its name."""
    origin = pose[:3, 3]
    for axis, colour in enumerate(('#d62728', '#2ca02c', '#1f4fd6')):
        arrow = pv.Arrow(
            start=origin,
            direction=pose[:3, axis],
            scale=length_m,
            shaft_radius=0.025,
            tip_radius=0.07,
        )
        plotter.add_mesh(arrow, color=colour)
    # Above the tip of z, where no other arrow crosses it.
    tip = origin + 1.12 * length_m * pose[:3, 2]
    plotter.add_point_labels([tip], [name], **_LABELS)


def _box(view, pose):
    """Return the edges of the bone's bounding box at a pose."""
    low, high = view.vertices.min(0), view.vertices.max(0)
    box = pv.Box([low[0], high[0], low[1], high[1], low[2], high[2]])
    return box.transform(pose, inplace=False).extract_all_edges()


def _grey(image):
    """Return an X-ray as RGB [H, W, 3] uint8."""
    low, high = np.percentile(image, _GREY_PERCENTILES)
    grey = np.clip((image - low) / max(high - low, 1e-9), 0, 1) * 255
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, -1)


def _aim(plotter):
    """Look from the patient's front, left and above, the whole C-arm filling the picture."""
    plotter.camera.up = (0, 0, 1)
    plotter.camera.position = plotter.camera.focal_point + np.array([1.2, -0.55, 0.45])
    plotter.reset_camera()
    plotter.camera.zoom(_ZOOM)
