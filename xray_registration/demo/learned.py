"""The demo without a start: a network finds the patient, a trained similarity leads in."""

from pathlib import Path

import xray_registration
from xray_registration.demo import run as demo
from xray_registration.demo.scene import DemoConfig

# Weights for the CT of the demo, as `surgical-perception train` wrote them.
WEIGHTS = Path(xray_registration.__file__).parent / 'weights'
SIMILARITY, REGRESSOR = WEIGHTS / 'chest_similarity', WEIGHTS / 'chest_regressor'


def run(folder, cache, console):
    """Run the demo of the learned methods into `folder`; see `demo.run.run`."""
    parameters = {
        'method': 'spherical',
        'weights.path': str(SIMILARITY),
        'weights.regressor': str(REGRESSOR),
        'init': 'network',
    }
    # On two cores the learned levels take longer than the other demo leaves between two X-rays.
    config = DemoConfig(tells_start=False, period_s=5.0)
    return demo.run(folder, cache, console, config, parameters=parameters)
