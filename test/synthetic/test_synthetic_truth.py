"""The truth of synthetic clips, checked by geometry and by the images themselves."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates

from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.synthetic.intersection import front_material
from surg_invnerf.tracks.result import Cause
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

SMALL = SceneConfig(seed=3, width=160, height=128, frames=8, fps=2.0)
CLEAN = replace(SMALL, tool=False, noise=0.0, specularity=0.0)


@pytest.fixture(scope='module')
def clip():
    return SyntheticClip(SMALL)


@pytest.fixture(scope='module')
def tracks(clip):
    return clip.truth.track(clip.truth.tissue_grid(0, 4))


def inside(uv, camera):
    return ((uv >= -0.5) & (uv <= np.array([camera.width, camera.height]) - 0.5)).all(-1)


def test_a_query_is_where_it_was_asked_for(clip):
    rng = np.random.default_rng(0)
    for frame in (0, 7):
        queries = clip.truth.tissue_grid(frame, 9)
        u, v = queries[:, :2].astype(int).T
        beside_tool = binary_dilation(clip.truth.tool(frame), iterations=2)[v, u]
        queries = queries[~beside_tool]
        queries[:, :2] += rng.uniform(-0.5, 0.5, (len(queries), 2))
        error = np.abs(clip.truth.track(queries).uv[:, frame] - queries[:, :2]).max(-1)
        assert np.median(error) < 1e-6
        # At the edge of a fold the nearest point of its mesh is taken.
        assert error.max() < 0.2


def test_points_project_to_their_pixels(clip, tracks):
    np.testing.assert_allclose(clip.camera.left.project(tracks.xyz_m), tracks.uv, atol=1e-9)


def test_the_right_eye_sees_the_same_material_at_the_disparity(clip):
    frame, scene, camera = 4, clip.scene, clip.camera
    queries = clip.truth.tissue_grid(frame, 9, margin_px=24)
    material = clip.truth.material(queries)
    depth_m = scene.sheet(frame).positions(material)[:, 2]
    right_uv = queries[:, :2] - np.stack(
        [camera.left.fx * camera.baseline_m / depth_m, 0 * depth_m], -1
    )
    seen = scene.tissue_seen(frame, 'right').material
    found = front_material(scene.sheet(frame, 'right'), camera.left, seen, right_uv)
    same = np.linalg.norm(found - material, axis=-1) < 1e-7
    assert same.mean() > 0.98  # but what a fold hides from the right eye


def test_depth_at_a_pixel_is_the_depth_of_its_track(clip):
    for frame in (0, 7):
        queries = clip.truth.tissue_grid(frame, 6)
        u, v = queries[:, :2].astype(int).T
        tracks = clip.truth.track(queries)
        depth_m = clip.truth.depth_m(frame)[v, u]
        error = np.abs(tracks.xyz_m[:, frame, 2] - depth_m)
        assert np.median(error) < 1e-8
        assert (error < 1e-6).mean() > 0.99


def test_visibility_agrees_with_the_depth_map(clip, tracks):
    """A point is visible where the depth map has its depth, away from edges of folds and tool."""
    camera, judged = clip.camera.left, dict.fromkeys(Cause, 0)
    for frame in range(len(clip)):
        uv, z = tracks.uv[:, frame], tracks.xyz_m[:, frame, 2]
        cause = tracks.cause[:, frame]
        np.testing.assert_array_equal(cause == Cause.OUT_OF_VIEW, ~inside(uv, camera))
        depth_m, tool = clip.truth.depth_m(frame), clip.truth.tool(frame)
        for index in np.nonzero(inside(uv, camera))[0]:
            u, v = np.round(uv[index]).astype(int)
            window = (slice(max(v - 2, 0), v + 3), slice(max(u - 2, 0), u + 3))
            if np.ptp(depth_m[window]) > 3e-3 or tool[window].any() != tool[window].all():
                continue
            expected = Cause.VISIBLE
            if z[index] > depth_m[window].max() + 1e-3:
                expected = Cause.TOOL if tool[v, u] else Cause.SELF
            elif z[index] > depth_m[window].max():
                continue
            assert cause[index] == expected
            judged[expected] += 1
    assert judged[Cause.VISIBLE] > 4000
    assert judged[Cause.TOOL] > 100


def test_a_fold_hides_points_and_shows_them_again():
    clip = SyntheticClip(replace(SMALL, seed=4, fold=2.0, tool=False))
    tracks = clip.truth.track(clip.truth.tissue_grid(0, 2))
    hidden = tracks.cause == Cause.SELF
    assert hidden.sum() > 100
    # The depth maps prove that each of them lies behind something.
    depths = [clip.truth.depth_m(frame) for frame in range(len(clip))]
    for index, frame in np.argwhere(hidden):
        u, v = tracks.uv[index, frame]
        rows, columns = (slice(max(round(x) - 1, 0), round(x) + 2) for x in (v, u))
        nearest = depths[frame][rows, columns].min()
        assert nearest < tracks.xyz_m[index, frame, 2]
    assert (hidden[:, :-1] & tracks.visible[:, 1:]).any()


def test_without_deformation_points_stay_in_the_world():
    still = replace(SMALL, deformation=0.0, world_from_camera0=(0.1, -0.2, 0.3, 0.4, 1.0, -0.5))
    clip = SyntheticClip(still)
    xyz_m = clip.truth.track(clip.truth.tissue_grid(0, 30)).xyz_m
    world = np.stack(
        [
            se3.apply(clip.truth.world_from_camera(frame), xyz_m[:, frame])
            for frame in range(len(clip))
        ],
        1,
    )
    np.testing.assert_allclose(world, np.broadcast_to(world[:, :1], world.shape), atol=1e-12)
    np.testing.assert_allclose(
        clip.truth.world_from_camera(0), se3.exp(still.world_from_camera0), atol=1e-12
    )


def test_without_any_motion_tracks_stand_still():
    clip = SyntheticClip(replace(SMALL, deformation=0.0, camera_motion=0.0))
    tracks = clip.truth.track(clip.truth.tissue_grid(0, 30))
    np.testing.assert_allclose(tracks.uv, np.broadcast_to(tracks.uv[:, :1], tracks.uv.shape))


def test_right_image_shows_the_left_ones_colours_at_the_true_disparity():
    clip = SyntheticClip(CLEAN)
    frame, camera = clip.frame(3), clip.camera
    v, u = np.mgrid[10:118, 24:150].astype(float)
    depth_m = clip.truth.depth_m(3)[10:118, 24:150]

    def difference(depth_m):
        at = [v, u - camera.focal_baseline / depth_m]
        right = map_coordinates(frame.right[..., 1].astype(float), at, order=1)
        return np.median(np.abs(right - frame.left[10:118, 24:150, 1]))

    assert difference(depth_m) < 1.0
    assert difference(depth_m) < 0.5 * difference(depth_m + 0.010)


def test_the_images_follow_the_tracks_and_nothing_beside_them():
    clip = SyntheticClip(CLEAN)
    tracks = clip.truth.track(clip.truth.tissue_grid(0, 4))
    # The light moves with the scope: what is compared is the pattern, without the shading.
    shots = [clip.frame(frame).left[..., 1].astype(float) for frame in (0, 6)]
    patterns = [shot - gaussian_filter(shot, 8) for shot in shots]
    ok = tracks.visible[:, 6]

    def colours(pattern, uv):
        return map_coordinates(pattern, [uv[:, 1], uv[:, 0]], order=1)

    first = colours(patterns[0], tracks.uv[ok, 0])

    def correlation(shift):
        return np.corrcoef(first, colours(patterns[1], tracks.uv[ok, 6] + shift))[0, 1]

    assert correlation([0, 0]) > 0.95
    for shift in ([1, 0], [-1, 0], [0, 1], [0, -1]):
        assert correlation(shift) < correlation([0, 0]) - 0.02


def test_queries_that_nothing_can_answer_are_refused(clip):
    with pytest.raises(InputError, match='outside the image'):
        clip.truth.track([[160.0, 5.0, 0]])
    with pytest.raises(InputError, match='none of 0 to 7'):
        clip.truth.track([[5.0, 5.0, 8]])
    frame = max(range(len(clip)), key=lambda i: clip.truth.tool(i).sum())
    v, u = np.argwhere(clip.truth.tool(frame))[20]
    with pytest.raises(InputError, match='on the instrument'):
        clip.truth.track([[u, v, frame]])


def test_the_tissue_grid_avoids_the_instrument(clip):
    for frame in range(len(clip)):
        grid = clip.truth.tissue_grid(frame, 5)
        u, v = grid[:, :2].astype(int).T
        assert not clip.truth.tool(frame)[v, u].any()
        clip.truth.material(grid)
