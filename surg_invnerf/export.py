"""Surfaces and meshes as files: PLY and PCD by Open3D, NPZ by NumPy."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from surg_invnerf.open3d_import import open3d
from surgical_perception.errors import InputError

# Columns of the scene flow in a point cloud file, metres until the next frame.
_FLOW_FIELDS = ('flow_x', 'flow_y', 'flow_z')


def write_cloud(path, surface):
    """
    Write a Surface as .ply or .pcd: position, normal, colour and scene flow of every point.

    Metres, in the left camera of its frame.  Raises InputError for another suffix, a surface
    without points, or a path that cannot be written.
    """
    o3d = open3d()
    if not len(surface):
        raise InputError(f'{path}: the surface has no points, there is nothing to write')
    cloud = o3d.t.geometry.PointCloud(np.ascontiguousarray(surface.points_m, np.float32))
    cloud.point['normals'] = np.ascontiguousarray(surface.normals, np.float32)
    cloud.point['colors'] = np.ascontiguousarray(surface.rgb, np.uint8)
    for name, column in zip(_FLOW_FIELDS, surface.flow_m.T, strict=True):
        cloud.point[name] = np.ascontiguousarray(column[:, None], np.float32)
    _written(path, ('.ply', '.pcd'), lambda name: o3d.t.io.write_point_cloud(name, cloud))


def write_mesh(path, mesh):
    """
    Write a Mesh as .ply: vertices (m) with normals and colours, triangles.

    Raises InputError for another suffix or a path that cannot be written.
    """
    o3d = open3d()
    made = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(mesh.vertices_m.astype(float)),
        o3d.utility.Vector3iVector(mesh.triangles),
    )
    made.vertex_colors = o3d.utility.Vector3dVector(mesh.rgb / 255)
    made.vertex_normals = o3d.utility.Vector3dVector(mesh.normals.astype(float))
    _written(path, ('.ply',), lambda name: o3d.io.write_triangle_mesh(name, made))


def write_surface_npz(path, surface):
    """Write a Surface as .npz: the arrays of its fields, and `frame`."""
    write_npz(path, asdict(surface))


def write_npz(path, arrays):
    """
    Write {name: array} as a compressed .npz; a file that was there stays whole until it is done.

    Raises InputError for another suffix or a path that cannot be written.
    """

    def save(name):
        with open(name, 'wb') as stream:
            np.savez_compressed(stream, **arrays)
        return True

    _written(path, ('.npz',), save)


def _written(path, suffixes, write):
    """
    Call write(name) on a file beside `path`, then rename it: readers never see half a file.

    `write` returns whether it went well, as Open3D's writers do.
    """
    path = Path(path)
    if path.suffix not in suffixes:
        raise InputError(
            f'{path}: has the suffix {path.suffix!r}, expected {" or ".join(suffixes)}'
        )
    partial = path.with_name(f'.{path.stem}.partial{path.suffix}')
    try:
        if not write(str(partial)):
            raise OSError('is the folder there, and the disk not full?')
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f'{path}: cannot be written: {error.strerror or error}') from None
