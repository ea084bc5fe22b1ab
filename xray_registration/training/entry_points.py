"""Where the rays of an X-ray enter the bone of a CT: what scene coordinates are trained on."""

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.surface import bone_surface


class EntryPoints:
    """The bone surface of a CtImage, ready for rays to be cast at it."""

    def __init__(self, ct):
        """Extract the surface; raises InputError where the CT has no bone."""
        # Large, and needed by this training only.
        import open3d

        vertices, triangles = bone_surface(ct)
        # The rays of a batch are so few that threads would cost more than they save.
        self._scene = open3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(vertices, triangles.astype(np.uint32))
        self._tensor = open3d.core.Tensor

    def seen(self, camera, carm_from_ct):
        """
        Return the first point [B, H, W, 3] in `ct` (m) on the ray of each pixel, float32.

        camera, carm_from_ct    PinholeCamera and [B, 4, 4]; NaN where a ray misses the bone
        """
        directions = camera.ray_directions()
        rays = np.empty((len(carm_from_ct), *directions.shape[:2], 6), np.float32)
        for ray, pose in zip(rays, carm_from_ct, strict=True):
            ct_from_carm = se3.inverse(np.asarray(pose, float))
            ray[..., :3] = ct_from_carm[:3, 3]
            ray[..., 3:] = directions @ ct_from_carm[:3, :3].T
        distance_m = self._scene.cast_rays(self._tensor(rays), nthreads=1)['t_hit'].numpy()
        distance_m = np.where(np.isfinite(distance_m), distance_m, np.nan)
        return rays[..., :3] + distance_m[..., None] * rays[..., 3:]
