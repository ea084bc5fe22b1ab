"""From parameters to a pipeline that is ready to register."""

from importlib import import_module

from surgical_perception.errors import InputError
from xray_registration.methods import METHODS
from xray_registration.parameters import registration_config

# Where the loader of each kind of weights is, in the package `learned`.
LOADERS = {
    'similarity': ('network', 'load_similarity'),
    'regressor': ('pose_network', 'load_pose_network'),
    'landmarks': ('landmark_network', 'load_landmark_network'),
    'scene-coordinates': ('coordinate_network', 'load_coordinate_network'),
}


def load_pipeline(parameters):
    """
    Load and verify the CT, warm the renderer, and return the RegistrationPipeline.

    Takes XrayRegistrationParameters; raises InputError for a CT that is missing, unreadable or
    not the one that `ct.sha256` names, and for weights that are not for it.
    """
    # Imported when needed: a node says that it starts before torch and numba have loaded.
    from xray_registration.pipeline import RegistrationPipeline
    from xray_registration.volume.loader import load_ct

    if not parameters.ct.path:
        raise InputError('ct.path is empty: name the CT (launch argument ct:=...)')
    ct = load_ct(parameters.ct.path, parameters.ct.labels or None)
    expected = parameters.ct.sha256.lower()
    if expected and ct.sha256 != expected:
        raise InputError(
            f'{parameters.ct.path} has sha256 {ct.sha256}, but ct.sha256 is {expected}: '
            'this is not the CT of that plan'
        )
    pipeline = RegistrationPipeline(
        ct, registration_config(parameters), load_networks(parameters, ct)
    )
    pipeline.warm_up()
    return pipeline


def load_networks(parameters, ct):
    """
    Return {kind: network} of what the parameters name.

    Raises InputError for weights that are damaged, of another kind, or of another CT.
    """
    wanted = {}
    if parameters.init == 'network':
        wanted['regressor'] = parameters.weights.regressor
    if kind := METHODS[parameters.method].needs:
        wanted[kind] = parameters.weights.path
    return {kind: load_network(kind, folder, ct.sha256) for kind, folder in wanted.items()}


def load_network(kind, folder, ct_sha256):
    """Return the network of a kind, a key of LOADERS, from a folder that `train` wrote."""
    module, name = LOADERS[kind]
    return getattr(import_module(f'xray_registration.learned.{module}'), name)(folder, ct_sha256)
