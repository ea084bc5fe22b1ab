"""The CUDA kernel: run by Triton's interpreter on a CPU, compiled for a GPU, refused without."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from drr_scenes import (
    CAMERA,
    IMAGE_TOLERANCE,
    JACOBIAN_TOLERANCE,
    poses,
    random_volume,
    relative_error,
)

from surgical_perception.errors import InputError
from xray_registration.drr import render

HERE = Path(__file__).parent

pytest.importorskip('triton', reason='the Triton kernel: triton is not installed')


@pytest.fixture(scope='module')
def interpreted(tmp_path_factory):
    path = tmp_path_factory.mktemp('triton') / 'out.npz'
    paths = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get('PYTHONPATH', '')])
    run = subprocess.run(
        [sys.executable, HERE / 'triton_interpreted.py', path],
        env={**os.environ, 'TRITON_INTERPRET': '1', 'PYTHONPATH': paths},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return np.load(path)


@pytest.fixture(scope='module')
def scene():
    volume = random_volume(size=(9, 8, 7))
    mask = np.random.default_rng(2).random((CAMERA.height, CAMERA.width)) < 0.5
    return volume, poses(volume, 2), mask


@pytest.mark.parametrize('jacobian', ['none', 'discrete', 'continuum'])
def test_kernel_is_the_reference(interpreted, scene, jacobian):
    """A batch of poses whose image no tile divides; the continuum columns with a mask."""
    volume, batch, mask = scene
    mask = mask if jacobian == 'continuum' else None
    expected = render(volume, CAMERA, batch, jacobian, mask, backend='torch')
    assert relative_error(interpreted[jacobian], expected.image) < IMAGE_TOLERANCE
    if jacobian != 'none':
        columns = interpreted[jacobian + '_jacobian']
        for i in range(6):
            assert relative_error(columns[..., i], expected.jacobian[..., i]) < JACOBIAN_TOLERANCE


def test_pieces_of_rays_add_up_to_whole_ones(interpreted):
    assert relative_error(interpreted['none'], interpreted['whole']) < IMAGE_TOLERANCE


def test_half_precision_volume(interpreted):
    assert relative_error(interpreted['half'], interpreted['whole']) < 2**-11


@pytest.mark.parametrize('dtype', ['fp32', 'fp16'])
def test_kernel_compiles_for_a_gpu(dtype):
    """No GPU is needed to compile for one (compute capability 9.0); no float64 may sneak in."""
    import triton
    from triton.backends.compiler import GPUTarget

    from xray_registration.drr.triton_backend import _march

    flags = {'JACOBIAN': True, 'CONTINUUM': True, 'MASKED': True, 'WIDE': False}
    flags |= {'TILE_HEIGHT': 8, 'TILE_WIDTH': 16, 'PAD': 2}
    pointers = {'mu': f'*{dtype}', 'use': '*i8', 'rays': '*fp32', 'image': '*fp32'}
    integers = dict.fromkeys(['planes', 'rows', 'row', 'height', 'width'], 'i32')
    types = {'columns': '*fp32', **pointers, **integers, **dict.fromkeys(flags, 'constexpr')}
    signature = {name: types.get(name, 'fp32') for name in _march.arg_names}
    constants = {(_march.arg_names.index(name),): value for name, value in flags.items()}
    source = triton.compiler.ASTSource(_march, signature, constants)
    compiled = triton.compile(source, target=GPUTarget('cuda', 90, 32), options={'num_warps': 4})
    assert '.f64' not in compiled.asm['ptx']


@pytest.mark.skipif(torch.cuda.is_available(), reason='this machine has a GPU')
def test_without_a_gpu_it_says_so(scene):
    volume, batch, _ = scene
    with pytest.raises(InputError, match='CUDA'):
        render(volume, CAMERA, batch, backend='triton')
