"""
Other people's projectors behind one interface, for the benchmark and as oracles of the tests.

A peer is built for an AttenuationVolume and a PinholeCamera; `image(carm_from_ct)` returns line
integrals [H, W]; peers that differentiate also have `image_and_jacobian(carm_from_ct)`, whose
columns [H, W, 6] are those of `xray_registration.drr.render`.  Packages are imported when a peer
is built: an absent one raises ImportError.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import RAS_FROM_LPS

MM_PER_M = 1e3
# Samples along a ray: one per voxel of 1.4 mm over 350 mm, as our own default step.
SAMPLES = 250


class DiffDrr:
    """DiffDRR, `renderer` being 'trilinear' or 'siddon'."""

    def __init__(self, volume, camera, renderer, samples=SAMPLES, device='cpu'):
        from xray_registration.simulation.siddon import diffdrr_module

        self._drr = diffdrr_module(volume, camera, renderer).to(device)
        self._shape = camera.height, camera.width
        self._volume = volume
        self._centre_mm = _ras_mm(volume.isocentre_m)
        self._trilinear, self._samples = renderer == 'trilinear', samples

    def image(self, carm_from_ct):
        """Return line integrals [H, W]."""
        source, target = self._rays(carm_from_ct)
        with torch.no_grad():
            return self._render(carm_from_ct, source, target).reshape(self._shape)

    def image_and_jacobian(self, carm_from_ct):
        """
        Return image [H, W] and columns [H, W, 6] by one backward pass.

        The gradient by per-ray copies of source and target holds every pixel's own derivative:
        the peer's best case, as autograd by the pose would need a pass per pixel or column.
        """
        source, target = self._rays(carm_from_ct)
        source = source.expand_as(target).contiguous()
        image = self._render(carm_from_ct, source.requires_grad_(), target.requires_grad_())
        by_source, by_target = torch.autograd.grad(image.sum(), (source, target))
        columns = _columns(source, target, by_source, by_target, self._centre_mm)
        return image.detach().reshape(self._shape), columns.reshape(*self._shape, 6)

    def _rays(self, carm_from_ct):
        from xray_registration.simulation.siddon import diffdrr_pose

        with torch.no_grad():
            return self._drr.detector(diffdrr_pose(carm_from_ct).to(self._drr.density), None)

    def _render(self, carm_from_ct, source, target):
        kwargs = {}
        if self._trilinear:
            # Its own limits end half a voxel outside of the grid and move with the pose.
            near, far = _depth_range(self._volume, carm_from_ct)
            length = (target - source).detach().norm(dim=-1)
            kwargs = {
                'n_points': self._samples,
                'alphamin': MM_PER_M * near / length.max(),
                'alphamax': MM_PER_M * far / length.min(),
            }
        return self._drr.render(self._drr.density, source, target, **kwargs)


class NanoDrr:
    """nanodrr, `backend` being 'torch' or 'triton'."""

    def __init__(self, volume, camera, backend='torch', samples=SAMPLES, device='cpu'):
        from nanodrr.data import Subject
        from torchio import ScalarImage

        scale = np.diag([MM_PER_M, MM_PER_M, MM_PER_M, 1.0])
        mu_per_mm = torch.from_numpy((volume.mu_per_m / MM_PER_M).transpose(2, 1, 0))[None]
        affine = scale @ RAS_FROM_LPS @ volume.ct_from_index
        self._subject = Subject.from_images(
            ScalarImage(tensor=mu_per_mm, affine=affine), convert_to_mu=False
        ).to(device)
        # Its pixel centres are at + 0.5.
        u = (torch.arange(camera.width) - camera.cx) / camera.fx
        v = (torch.arange(camera.height) - camera.cy) / camera.fy
        v, u = torch.meshgrid(v, u, indexing='ij')
        self._sdd_mm = 2 * MM_PER_M
        target = self._sdd_mm * torch.stack([u, v, torch.ones_like(u)], -1).reshape(1, -1, 3)
        self._target = target.to(device)
        self._camera, self._backend, self._samples = camera, backend, samples
        self._centre_mm = _ras_mm(volume.isocentre_m).to(device)

    def image(self, carm_from_ct):
        """Return line integrals [H, W]."""
        pose = self._pose(carm_from_ct)
        with torch.no_grad():
            return self._render(pose, torch.zeros_like(self._target[:, :1]), self._target)[0, 0]

    def image_and_jacobian(self, carm_from_ct):
        """Return image [H, W] and columns [H, W, 6], as DiffDrr does."""
        pose = self._pose(carm_from_ct)
        source = torch.zeros_like(self._target).requires_grad_()
        target = self._target.clone().requires_grad_()
        image = self._render(pose, source, target)
        gradients = torch.autograd.grad(image.sum(), (source, target))
        # Its rays are in the camera frame.
        rotation, at = pose[0, :3, :3], pose[0, :3, 3]
        world = [rays.detach() @ rotation.T + at for rays in (source, target)]
        gradients = [gradient @ rotation.T for gradient in gradients]
        columns = _columns(*world, *gradients, self._centre_mm)
        return image.detach()[0, 0], columns.reshape(*image.shape[2:], 6)

    def _pose(self, carm_from_ct):
        pose = RAS_FROM_LPS @ se3.inverse(carm_from_ct)
        pose[:3, 3] *= MM_PER_M
        return torch.from_numpy(pose)[None].to(self._target)

    def _render(self, pose, source, target):
        from nanodrr.drr import render

        camera, sdd = self._camera, self._target.new_tensor([self._sdd_mm])
        return render(
            self._subject,
            torch.eye(3).to(target)[None],
            pose,
            sdd,
            camera.height,
            camera.width,
            self._samples,
            src=source,
            tgt=target,
            backend=self._backend,
        )


class RtkJoseph:
    """RTK's Joseph projector (C++, multithreaded); image only."""

    def __init__(self, volume, camera, threads=None):
        import itk
        from itk import RTK

        if threads:
            itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(threads)
        self._itk, self._volume, self._camera = itk, volume, camera
        self._ct = itk.image_from_array(volume.mu_per_m / np.float32(MM_PER_M))
        self._ct.SetSpacing((volume.spacing_m * MM_PER_M).tolist())
        # A source at the origin of the camera, far in front of a detector that only spans rays.
        self._sid_mm = self._sdd_mm = 2 * MM_PER_M
        du, dv = self._sdd_mm / camera.fx, self._sdd_mm / camera.fy
        blank = itk.image_from_array(np.zeros((1, camera.height, camera.width), np.float32))
        blank.SetSpacing([du, dv, 1.0])
        # Its rows run upwards.
        blank.SetOrigin([-camera.cx * du, -(camera.height - 1 - camera.cy) * dv, 0.0])
        geometry = RTK.ThreeDCircularProjectionGeometry.New()
        geometry.AddProjection(self._sid_mm, self._sdd_mm, 0.0)
        image_type = itk.Image[itk.F, 3]
        self._filter = RTK.JosephForwardProjectionImageFilter[image_type, image_type].New()
        self._filter.SetGeometry(geometry)
        self._filter.SetInput(0, blank)
        # In place, the first image would take the blank's buffer away from the second.
        self._filter.InPlaceOff()

    def image(self, carm_from_ct):
        """Return line integrals [H, W]."""
        # Its source at z = sid looks down, y is up: our camera turned by 180 degrees about x.
        rtk_from_carm = np.diag([1.0, -1.0, -1.0, 1.0])
        rtk_from_carm[2, 3] = self._sid_mm / MM_PER_M
        affine = rtk_from_carm @ carm_from_ct @ self._volume.ct_from_index
        direction = affine[:3, :3] / self._volume.spacing_m
        self._ct.SetDirection(self._itk.matrix_from_array(direction))
        self._ct.SetOrigin((affine[:3, 3] * MM_PER_M).tolist())
        self._filter.SetInput(1, self._ct)
        self._filter.Modified()
        self._filter.UpdateLargestPossibleRegion()
        return self._itk.array_from_image(self._filter.GetOutput())[0, ::-1]


class Plastimatch:
    """Debian's `plastimatch drr` with its exact projector (C++, OpenMP); only its time, in AP."""

    def __init__(self, volume, camera):
        if shutil.which('plastimatch') is None:
            raise ImportError('plastimatch is not installed')
        import SimpleITK as sitk

        self._folder = tempfile.TemporaryDirectory()
        self._mu = Path(self._folder.name) / 'mu.mha'
        image = sitk.GetImageFromArray(volume.mu_per_m / 100)  # it works in 1/cm
        image.SetSpacing((volume.spacing_m * MM_PER_M).tolist())
        image.SetOrigin((-volume.spacing_m * MM_PER_M * (np.array(volume.size) - 1) / 2).tolist())
        sitk.WriteImage(image, str(self._mu))
        sid_mm = 1020.0
        detector_mm = camera.width * sid_mm / camera.fx, camera.height * sid_mm / camera.fy
        numbers = {
            '--sad': (750.0,),
            '--sid': (sid_mm,),
            '--dim': (camera.width, camera.height),
            '--detector-size': detector_mm,
            '--isocenter': (0, 0, 0),
            '--gantry-angle-spacing': (1,),
        }
        fixed = ['--hu-conversion', 'none', '--algorithm', 'exact', '--output-format', 'raw']
        fixed += [x for key, v in numbers.items() for x in (key, ' '.join(f'{n:g}' for n in v))]
        self._command = ['plastimatch', 'drr', *fixed, '-O', f'{self._folder.name}/drr_', self._mu]

    def seconds_per_image(self, images=20):
        """Return the time of one more image, without loading the volume."""
        # Loading takes longer than drawing and varies: the fastest of several runs each.
        few, many = (min(self._seconds(n) for _ in range(5)) for n in (1, 1 + images))
        return (many - few) / images

    def _seconds(self, images):
        start = time.perf_counter()
        command = [*self._command[:-1], '--num-angles', str(images), self._command[-1]]
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start


def _ras_mm(point_m):
    return torch.from_numpy(RAS_FROM_LPS[:3, :3] @ point_m * MM_PER_M).float()


def _depth_range(volume, carm_from_ct):
    """Distances from the source (m) between which the whole volume lies, with its margin."""
    corners = np.stack(np.meshgrid(*[(-1, n) for n in volume.size]), -1).reshape(-1, 3)
    carm_from_index = carm_from_ct @ volume.ct_from_index
    corners = corners @ carm_from_index[:3, :3].T + carm_from_index[:3, 3]
    return corners[:, 2].min(), np.linalg.norm(corners, axis=1).max()


def _columns(source, target, by_source, by_target, centre):
    """Turn gradients by a ray's ends (RAS, mm) into the six columns (LPS, m, rad)."""
    with torch.no_grad():
        turned = torch.linalg.cross(source - centre, by_source)
        turned = turned + torch.linalg.cross(target - centre, by_target)
        lps_from_ras = source.new_tensor([-1, -1, 1])
        shifted = (by_source + by_target) * lps_from_ras * MM_PER_M
        return torch.cat([shifted, turned * lps_from_ras], -1)
