"""The deformed tissue at one frame: points with colour, normal and scene flow, and a mesh."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from surg_invnerf.model import query
from surg_invnerf.open3d_import import open3d
from surg_invnerf.tracks.occluder import is_tool
from surg_invnerf.tracks.visibility import VisibilityConfig
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3


@dataclass(frozen=True)
class SurfaceConfig:
    """
    How a surface is gathered, cleaned and meshed.

    stride_px           between the pixels of the frame that give a point
    keyframe_stride_px  the same in keyframes, which only fill its gaps
    keyframes           frames, spread over the model's, that show what this one does not
    gap_spacings        a keyframe adds points where there is none this near, in units of the
                        distance between neighbours of the grid
    neighbours          of a point, for outliers and normals
    outlier_sigmas      a point further from its neighbours than the mean by so many is dropped
    mesh_depth          of Poisson's octree: 2^depth cells along a side
    mesh_trim           share of vertices with the least support that is cut off
    """

    stride_px: int = 2
    keyframe_stride_px: int = 4
    keyframes: int = 4
    gap_spacings: float = 1.5
    neighbours: int = 20
    outlier_sigmas: float = 2.0
    mesh_depth: int = 7
    mesh_trim: float = 0.05


@dataclass(frozen=True)
class Surface:
    """
    N points in the left camera of a frame.

    points_m    [N, 3] float32
    rgb         [N, 3] uint8, as a camera saw them
    normals     [N, 3] float32, unit, towards the camera
    flow_m      [N, 3] float32: how the tissue moves until the next frame, in the axes of this
                frame's camera; the camera's own motion by kinematics is taken out.  Zero in the
                last frame
    """

    frame: int
    points_m: np.ndarray
    rgb: np.ndarray
    normals: np.ndarray
    flow_m: np.ndarray

    def __len__(self):
        return len(self.points_m)


@dataclass(frozen=True)
class Mesh:
    """Triangles [M, 3] int32 over vertices_m [V, 3] float32 with rgb [V, 3] and normals [V, 3]."""

    vertices_m: np.ndarray
    triangles: np.ndarray
    rgb: np.ndarray
    normals: np.ndarray


def surface(model, observations, frame, config=None):
    """
    Return the Surface of a frame: its own usable pixels, and keyframes' where it has none.

    Raises InputError where the frame is not held or nothing usable is seen.
    """
    config = config or SurfaceConfig()
    held = [index for index in model.frames if index in observations.frames]
    if frame not in held:
        raise InputError(f'frame {frame} is none of the {len(held)} frames of the model')
    queries, rgb = _pixels(observations, _sources(held, frame, config.keyframes), config)
    if not len(queries):
        raise InputError(f'frame {frame} and its keyframes show no usable tissue: no surface')
    canonical = query.canonical_points(model, observations, queries).canonical
    following = held[min(held.index(frame) + 1, len(held) - 1)]
    positions = query.positions(model, canonical, [frame, following])
    points = positions[:, 0]
    spacing_m = config.stride_px * np.median(points[:, 2]) / observations.camera.left.fx
    keep = _without_repeats(points, queries[:, 2], config.gap_spacings * spacing_m)
    keep = keep[_tissue(model, observations, canonical[keep], queries[keep, 2])]
    if not len(keep):
        raise InputError(f'frame {frame} and its keyframes show nothing but tools: no surface')
    keep = keep[_inliers(points[keep], config)]
    moved = se3.apply(_between(model, frame, following), positions[keep, 1].astype(float))
    points = points[keep]
    return Surface(
        frame,
        points.astype(np.float32),
        rgb[keep],
        _normals(points, config),
        (moved - points).astype(np.float32),
    )


def mesh(cloud, config=None):
    """
    Return a Surface as a Mesh by Poisson reconstruction, trimmed where points are few.

    Raises InputError for fewer than 100 points, of which no surface can be made.
    Source: Kazhdan and Hoppe, "Screened Poisson surface reconstruction", 2013 (Open3D).
    """
    config = config or SurfaceConfig()
    if len(cloud) < 100:
        raise InputError(f'{len(cloud)} points are too few for a mesh, expected at least 100')
    o3d = open3d()
    points = _cloud(cloud.points_m)
    points.normals = o3d.utility.Vector3dVector(cloud.normals.astype(float))
    points.colors = o3d.utility.Vector3dVector(cloud.rgb / 255)
    # One thread: with more, vertices come in another order each time.
    made, support = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        points, depth=config.mesh_depth, n_threads=1
    )
    # Poisson closes the surface far beyond the points, where it has the least support.
    support = np.asarray(support)
    made.remove_vertices_by_mask(support < np.quantile(support, config.mesh_trim))
    made.compute_vertex_normals()
    return Mesh(
        np.asarray(made.vertices, np.float32),
        np.asarray(made.triangles, np.int32),
        np.rint(np.clip(np.asarray(made.vertex_colors), 0, 1) * 255).astype(np.uint8),
        np.asarray(made.vertex_normals, np.float32),
    )


def _sources(held, frame, keyframes):
    """Return the frame and keyframes spread over all that are held, the frame first."""
    spread = np.linspace(0, len(held) - 1, keyframes + 2)[1:-1]
    others = [held[int(place)] for place in np.rint(spread)]
    return list(dict.fromkeys([frame, *others]))


def _pixels(observations, sources, config):
    """Return queries [N, 3] and colours [N, 3] on a grid of usable, measured pixels."""
    queries, colours = [], []
    for index in sources:
        frame = observations.frames[index]
        stride_px = config.stride_px if index == sources[0] else config.keyframe_stride_px
        good = np.zeros_like(frame.usable)
        good[::stride_px, ::stride_px] = True
        v, u = np.nonzero(good & frame.usable & frame.measured)
        queries.append(np.stack([u, v, np.full(len(u), index)], -1))
        colours.append(frame.image[v, u])
    return np.concatenate(queries).astype(float), np.concatenate(colours)


def _without_repeats(points, sources, distance_m):
    """Return the rows of points with none of an earlier source so near; sources are in order."""
    _, first = np.unique(sources, return_index=True)
    own, *others = np.split(np.arange(len(points)), np.sort(first)[1:])
    kept = own
    for rows in others:
        nearest_m, _ = cKDTree(points[kept]).query(points[rows], distance_upper_bound=distance_m)
        kept = np.concatenate([kept, rows[np.isinf(nearest_m)]])
    return kept


def _tissue(model, observations, canonical, seen_in):
    """Return which canonical points [M, 3], seen in frames seen_in [M], lie on no tool."""
    # Where masks are given, no usable pixel lies on a tool.
    masked = np.array([observations.frames[int(frame)].tool is not None for frame in seen_in])
    return masked | ~is_tool(model, observations, canonical, seen_in, VisibilityConfig())


def _inliers(points, config):
    """Return the rows of points that lie near their neighbours."""
    _, rows = _cloud(points).remove_statistical_outlier(config.neighbours, config.outlier_sigmas)
    return np.asarray(rows, int)


def _normals(points, config):
    """Return unit normals [N, 3] towards the camera at the origin."""
    cloud = _cloud(points)
    cloud.estimate_normals(open3d().geometry.KDTreeSearchParamKNN(config.neighbours))
    cloud.orient_normals_towards_camera_location(np.zeros(3))
    return np.asarray(cloud.normals, np.float32)


def _cloud(points):
    """Return points as an Open3D cloud."""
    o3d = open3d()
    return o3d.geometry.PointCloud(o3d.utility.Vector3dVector(np.asarray(points, float)))


def _between(model, frame, following):
    """Return frame_from_following [4, 4] of the left cameras."""
    world_from_camera = model.poses([frame, following]).detach().cpu().numpy().astype(float)
    return se3.inverse(world_from_camera[0]) @ world_from_camera[1]
