"""Pictures of tracks and fits: they show what they say, at the right place."""

import cv2
import numpy as np
import pyvista as pv

from surg_invnerf import fit_plots, pictures, track_scene
from surgical_perception.geometry.camera import PinholeCamera

RED, GREEN = (255, 0, 0), (0, 255, 0)


def near(picture, colour):
    return (abs(picture.astype(int) - colour).max(-1) < 40).nonzero()


def test_a_seen_point_is_a_dot_and_a_hidden_one_a_grey_ring():
    image = np.zeros((100, 320, 3), np.uint8)
    uv = np.array([[[40, 60], [50, 60]], [[200, 20], [210, 20]]], float)
    visible = np.array([[True, True], [True, False]])
    picture = pictures.draw_tracks(image, uv, visible, np.array([RED, GREEN], np.uint8))
    scale = pictures.enlargement(320)
    assert picture.shape == (scale * 100, scale * 320, 3)
    v, u = ((picture[..., 0] > 60) & (picture[..., 1:] < 40).all(-1)).nonzero()
    assert scale * 39 < u.min() < scale * 42  # the tail
    assert scale * 50 < u.max() < scale * 53
    assert abs(v.mean() - scale * 60) < scale
    assert not len(near(picture, GREEN)[0])
    v, u = near(picture, pictures._HIDDEN_RGB)
    assert abs(u.max() - scale * 210) < 3 * scale
    assert picture[round(scale * 20.25), round(scale * 210.25)].max() < 250


def test_points_outside_are_drawn_outside():
    image = np.zeros((100, 320, 3), np.uint8)
    far = np.array([[[1e9, -1e9], [-1e9, 1e9]]])
    pictures.draw_tracks(image, far, np.ones((1, 2), bool), np.array([RED], np.uint8))


def test_a_strip_holds_all_pictures_in_rows():
    greys = [np.full((10, 20, 3), value, np.uint8) for value in (10, 60, 110, 160, 210)]
    strip = pictures.strip(greys, columns=3)
    assert strip.shape[0] < 30 > 20
    assert strip.shape[1] > 60
    assert [int((strip == value).all(-1).sum()) for value in (10, 60, 110, 160, 210)] == [200] * 5


def test_a_video_can_be_read_back(tmp_path):
    path = tmp_path / 'x.mp4'
    levels = [0, 80, 160, 240]
    greys = (np.full((64, 96, 3), level, np.uint8) for level in levels)
    assert pictures.save_video(path, greys, 10.0)
    video = cv2.VideoCapture(str(path))
    read = []
    while (got := video.read())[0]:
        read.append(got[1].mean())
    np.testing.assert_allclose(read, levels, atol=8)


def test_no_pictures_are_no_video(tmp_path):
    assert not pictures.save_video(tmp_path / 'x.mp4', iter(()), 10.0)


def test_fit_plots_are_drawn(tmp_path):
    steps = np.arange(1, 101)
    history = {
        'loss': 1 / steps,
        'reprojection_px': 10 / steps,
        'converged_share': steps / 100,
        'stage': steps // 30,
    }
    fit_plots.history_curves(tmp_path / 'fit.png', history)
    grid = np.full((4, 5), np.nan)
    grid[0, 0] = 2.0
    images = {frame: np.zeros((32, 40, 3), np.uint8) for frame in (0, 4)}
    fit_plots.error_maps(tmp_path / 'maps.png', {0: grid, 4: grid}, images)
    for name in ('fit.png', 'maps.png'):
        assert cv2.imread(str(tmp_path / name)).std() > 5


def test_the_scene_shows_tissue_tracks_and_endoscope(tmp_path):
    plane = pv.Plane(center=(0, 0, 0.08), i_size=0.08, j_size=0.06).triangulate()
    poses = np.repeat(np.eye(4)[None], 3, 0)
    poses[:, 0, 3] = [0, 0.002, 0.004]
    track = np.array([[-0.01, 0, 0.08], [0, 0, 0.08], [0.01, 0, 0.08]])
    gone = np.full_like(track, np.nan)
    view = track_scene.TrackView(
        vertices=np.asarray(plane.points),
        triangles=plane.regular_faces,
        rgb=np.full((plane.n_points, 3), (200, 120, 120), np.uint8),
        tracks=np.stack([track, gone]),
        colours=np.array([(0, 0, 255), GREEN], np.uint8),
        poses=poses,
        camera=PinholeCamera(64, 48, 60.0, 60.0, 31.5, 23.5),
        image=np.zeros((48, 64, 3), np.uint8),
    )
    track_scene.track_scene(tmp_path / 'scene.png', view)
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / 'scene.png')), cv2.COLOR_BGR2HSV)
    hue, saturation, value = np.moveaxis(picture.astype(int), -1, 0)
    strong = saturation > 100
    assert ((abs(hue - 120) < 10) & strong).mean() > 3e-4  # the blue track
    assert ((abs(hue - 24) < 6) & strong).mean() > 1e-3  # the frustum
    assert ((hue < 8) & (saturation > 40)).mean() > 0.05  # the tissue
    assert not ((abs(hue - 60) < 10) & strong).any()  # a point without a position
    assert (value < 15).mean() > 0.005  # the image in the frustum
