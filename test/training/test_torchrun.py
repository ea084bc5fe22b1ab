"""Two processes that train together, as torchrun starts them."""

import os
import subprocess
import sys

from small_ct import write_small_ct

from xray_registration.learned.network import load_similarity
from xray_registration.volume.loader import load_ct


def test_two_processes_train_one_network(tmp_path):
    path = write_small_ct(tmp_path / 'ct.nii')
    words = ['train', 'similarity', '--ct', str(path), '--out', str(tmp_path / 'out')]
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2'),
            *('-m', 'surgical_perception.cli', *words, '--steps', '2', '--device', 'cpu'),
        ],
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    load_similarity(tmp_path / 'out', load_ct(path).sha256)
    assert (tmp_path / 'out' / 'landscape.png').exists()
