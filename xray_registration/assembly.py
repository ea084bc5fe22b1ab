"""From parameters to a pipeline that is ready to register."""

from surgical_perception.errors import InputError
from xray_registration.parameters import registration_config


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
        ct, registration_config(parameters), *load_networks(parameters, ct)
    )
    pipeline.warm_up()
    return pipeline


def load_networks(parameters, ct):
    """
    Return the (SimilarityNetwork, PoseNetwork) that parameters name, None for what is not used.

    Raises InputError for weights that are damaged, or of another CT.
    """
    similarity = pose = None
    if parameters.method == 'spherical':
        from xray_registration.learned.network import load_similarity

        similarity = load_similarity(parameters.weights.path, ct.sha256)
    if parameters.init == 'network':
        from xray_registration.learned.pose_network import load_pose_network

        pose = load_pose_network(parameters.weights.regressor, ct.sha256)
    return similarity, pose
