"""`surgical-perception camera`: what a file says about a C-arm, and as camera_info YAML."""

import numpy as np

from surgical_perception.geometry.camera import save_camera_yaml
from xray_registration.intake.files import open_view, read_picture


def run(path, image_path=None, out=None):
    """
    Return the lines that describe a C-arm's file; write its camera_info YAML where `out` is given.

    `image_path` is the projection of an RTK geometry.  The YAML is that of the image as stored,
    as CameraInfo is; mirroring is told apart, by image_flip.  Raises InputError.
    """
    grid = read_picture(image_path).grid if image_path else None
    view = open_view(path, grid)
    camera, pose = view.camera, view.camera_from_reference
    lines = [
        view.text,
        f'image       {camera.width} x {camera.height}',
        f'fx, fy      {camera.fx:.3f}, {camera.fy:.3f} px',
        f'cx, cy      {camera.cx:.3f}, {camera.cy:.3f} px (the first pixel is 0, 0)',
        f'image_flip  {view.flip or "unknown"}',
        f'intensity   {view.intensity or "unknown"}',
    ]
    if pose is None:
        lines.append('pose        unknown')
    else:
        lines.append(f'source      {_mm(view.source_in_reference_m)} mm in {view.reference}')
        lines.append(f'looks to    {np.round(pose[2, :3], 3).tolist()} of {view.reference}')
    if out is not None:
        save_camera_yaml(out, camera, camera_from_reference=pose)
        lines.append(f'written     {out}')
    return lines


def _mm(point_m):
    return ', '.join(f'{x * 1e3:.1f}' for x in point_m)
