"""Install torch, with CUDA or for the CPU."""

import urllib.error
import urllib.request

from .failure import SetUpError
from .progress import Progress
from .requirements import Requirements
from .venv import Venv

# PyPI's torch for Linux is the one with CUDA, 3 GB; this index has the one without, 0.2 GB.
CPU_INDEX = 'https://download.pytorch.org/whl/cpu'
PATIENCE_S = 5


def install_torch(
    venv: Venv, requirements: Requirements, variant: str, progress: Progress
) -> None:
    """Install the pinned torch; without the CPU index, the torch that pip finds by itself."""
    # torchvision, which diffdrr brings, fails to import unless it comes from torch's own index.
    words = [requirements.named('torch').replace(' ', ''), 'torchvision']
    if variant == 'cpu' and _answers(CPU_INDEX):
        try:
            venv.pip_install(['--index-url', CPU_INDEX, *words], progress)
        except SetUpError as error:
            progress.say(f'{CPU_INDEX}: {error} Trying the usual index.')
        else:
            return
    venv.pip_install(words, progress)


def _answers(url: str) -> bool:
    # pip itself would try for minutes.
    try:
        with urllib.request.urlopen(f'{url}/torch/', timeout=PATIENCE_S):
            return True
    except (urllib.error.URLError, OSError):
        return False
