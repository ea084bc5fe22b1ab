"""Surfaces of a moving plane, and what their files say when they are read again."""

import sys

import numpy as np
import open3d
import pytest
from analytic_tissue import FRAMES, VELOCITY_M, MovingPlane, observe

from surg_invnerf.export import (
    write_cloud,
    write_mesh,
    write_npz,
    write_surface_npz,
)
from surg_invnerf.surface import Surface, SurfaceConfig, mesh, surface
from surgical_perception.errors import InputError


@pytest.fixture(scope='module', params=[(0, 0, 0), (-4e-4, 2e-4, -3e-4)])
def model(request):
    return MovingPlane(request.param)


@pytest.fixture(scope='module')
def cloud(model):
    """Return the surface of frame 2, whose own image is grey 80."""
    return surface(model, observe(model), 2)


def test_the_surface_lies_on_the_plane_and_faces_the_camera(model, cloud):
    np.testing.assert_allclose(cloud.points_m[:, 2], model.depth_m(2), atol=1e-7)
    np.testing.assert_allclose(cloud.normals, np.tile([0, 0, -1], (len(cloud), 1)), atol=1e-4)
    assert cloud.frame == 2
    assert len(cloud) > 600


def test_the_flow_is_the_tissue_s_and_not_the_camera_s(model, cloud):
    # The next frame that is held is 5.
    np.testing.assert_allclose(cloud.flow_m, np.tile(3 * VELOCITY_M, (len(cloud), 1)), atol=1e-7)
    last = surface(model, observe(model), FRAMES[-1])
    np.testing.assert_array_equal(last.flow_m, 0)


def test_keyframes_show_what_the_frame_itself_does_not(model):
    half = np.zeros((48, 64), bool)
    half[:, 32:] = True
    observations = observe(model, usable=lambda frame, ones: ones & half if frame == 2 else ones)
    cloud = surface(model, observations, 2, SurfaceConfig(keyframe_stride_px=2))
    left = cloud.points_m[:, 0] < -2e-3
    assert left.sum() > 200
    np.testing.assert_allclose(cloud.points_m[:, 2], model.depth_m(2), atol=1e-7)
    # Where the frame shows the tissue itself, its own colour goes before keyframes'.
    own = (cloud.rgb == 80).all(1)
    assert not own[left].any()
    assert own[cloud.points_m[:, 0] > 2e-3].mean() > 0.8


def test_a_point_far_from_all_others_is_dropped():
    model = MovingPlane()

    def spike(_, depth):
        depth = depth.copy()
        depth[20, 20] += 2e-3  # within the band of a ray, where the plane is then not seen
        return depth

    render = model.render

    def shifted(frames, pixels, depth_m, band_m, samples):
        rendering = render(frames, pixels, depth_m, band_m, samples)
        rendering.canonical[:, 2] += 5 * (depth_m - model.depth_m(int(frames[0])))
        return rendering

    model.render = shifted
    cloud = surface(model, observe(model, depth_m=spike), 2)
    np.testing.assert_allclose(cloud.points_m[:, 2], model.depth_m(2), atol=1e-6)


def test_a_tool_without_a_mask_is_no_tissue():
    model = MovingPlane()
    held_still = np.zeros((48, 64), bool)
    held_still[10:20, 10:20] = True

    def tool_in_frame_2(frame, depth):
        return np.where(held_still & (frame == 2), depth - 0.02, depth).astype(np.float32)

    cloud = surface(model, observe(model, depth_m=tool_in_frame_2), 2)
    np.testing.assert_allclose(cloud.points_m[:, 2], model.depth_m(2), atol=1e-6)
    # Where a mask says that it is no tool, it is shown.
    masked = observe(model, depth_m=tool_in_frame_2, tool=lambda *_: np.zeros_like(held_still))
    assert (surface(model, masked, 2).points_m[:, 2] < model.depth_m(2) - 0.01).any()


def test_a_mesh_of_a_plane_is_that_plane_each_time(model, cloud):
    made = mesh(cloud)
    np.testing.assert_array_equal(mesh(cloud).vertices_m, made.vertices_m)
    assert made.triangles.min() >= 0
    assert made.triangles.max() < len(made.vertices_m)
    low, high = cloud.points_m.min(0), cloud.points_m.max(0)
    inner = ((made.vertices_m > low - 1e-3) & (made.vertices_m < high + 1e-3))[:, :2].all(1)
    assert inner.mean() > 0.7
    np.testing.assert_allclose(made.vertices_m[inner, 2], model.depth_m(2), atol=2e-4)
    assert np.median(made.normals[inner] @ [0, 0, -1]) > 0.99
    assert set(np.unique(made.rgb)) <= set(range(256))


def test_too_few_points_and_frames_that_are_not_held_are_refused(model, cloud):
    few = Surface(
        2,
        *(array[:99] for array in (cloud.points_m, cloud.rgb)),
        cloud.normals[:99],
        cloud.flow_m[:99],
    )
    with pytest.raises(InputError, match='99 points are too few'):
        mesh(few)
    with pytest.raises(InputError, match='frame 3 is none of the 4 frames'):
        surface(model, observe(model), 3)
    nothing = observe(model, usable=lambda _, ones: ~ones)
    with pytest.raises(InputError, match='show no usable tissue'):
        surface(model, nothing, 2)


@pytest.mark.parametrize('suffix', ['.ply', '.pcd'])
def test_clouds_come_back_from_their_files(cloud, tmp_path, suffix):
    path = tmp_path / f'surface{suffix}'
    write_cloud(path, cloud)
    read = open3d.t.io.read_point_cloud(str(path)).point
    np.testing.assert_array_equal(read.positions.numpy(), cloud.points_m)
    np.testing.assert_array_equal(read.normals.numpy(), cloud.normals)
    np.testing.assert_array_equal(read.colors.numpy(), cloud.rgb)
    flow = np.hstack([read[f'flow_{axis}'].numpy() for axis in 'xyz'])
    np.testing.assert_array_equal(flow, cloud.flow_m)
    assert list(tmp_path.iterdir()) == [path]


def test_meshes_come_back_from_their_files(cloud, tmp_path):
    made, path = mesh(cloud), tmp_path / 'mesh.ply'
    write_mesh(path, made)
    read = open3d.io.read_triangle_mesh(str(path))
    np.testing.assert_allclose(read.vertices, made.vertices_m, atol=1e-9)
    np.testing.assert_array_equal(read.triangles, made.triangles)
    np.testing.assert_array_equal(np.rint(np.asarray(read.vertex_colors) * 255), made.rgb)


def test_arrays_come_back_from_npz(cloud, tmp_path):
    write_surface_npz(tmp_path / 'surface.npz', cloud)
    with np.load(tmp_path / 'surface.npz', allow_pickle=False) as read:
        assert set(read) == {'frame', 'points_m', 'rgb', 'normals', 'flow_m'}
        np.testing.assert_array_equal(read['flow_m'], cloud.flow_m)


def test_files_that_cannot_be_written_are_refused_and_leave_nothing(cloud, tmp_path):
    with pytest.raises(InputError, match=r"suffix '.obj', expected .ply or .pcd"):
        write_cloud(tmp_path / 'surface.obj', cloud)
    absent = tmp_path / 'absent'
    for suffix, write in (
        ('.ply', write_cloud),
        ('.pcd', write_cloud),
        ('.npz', write_surface_npz),
    ):
        with pytest.raises(InputError, match='cannot be written'):
            write(absent / f'surface{suffix}', cloud)
    empty = Surface(0, *(np.empty((0, 3)) for _ in range(4)))
    with pytest.raises(InputError, match='no points'):
        write_cloud(tmp_path / 'surface.ply', empty)
    assert not any(tmp_path.iterdir())


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / 'arrays.npz'
    write_npz(path, {'a': np.arange(3)})

    class Broken:
        def __array__(self, *_, **__):
            raise OSError('the disk is full')

    with pytest.raises(InputError, match='the disk is full'):
        write_npz(path, {'a': np.arange(4), 'b': Broken()})
    with np.load(path) as read:
        assert read['a'].tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_without_open3d_the_error_says_what_to_install(cloud, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'open3d', None)
    with pytest.raises(ImportError, match=r'pip install open3d .*libgl1'):
        write_cloud(tmp_path / 'surface.ply', cloud)
