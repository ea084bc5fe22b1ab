"""Which torch this machine gets: with CUDA where there is an NVIDIA GPU, else for the CPU."""

import shutil
import subprocess
from pathlib import Path

# One folder per GPU while the driver is loaded; not there under WSL.
DRIVER = Path('/proc/driver/nvidia/gpus')


def torch_variant(driver: Path = DRIVER) -> str:
    """Return 'cuda' or 'cpu'."""
    return 'cuda' if _has_folder(driver) or _nvidia_smi() else 'cpu'


def _has_folder(driver: Path) -> bool:
    return driver.is_dir() and any(driver.iterdir())


def _nvidia_smi() -> bool:
    program = shutil.which('nvidia-smi')
    if program is None:
        return False
    run = subprocess.run([program, '-L'], capture_output=True, text=True)
    return run.returncode == 0 and 'GPU' in run.stdout
