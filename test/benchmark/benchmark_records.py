"""Records for tests."""

from xray_registration.benchmark.records import Record


def record(method='lm', **changes):
    """Return a Record of a success, changed as named."""
    values = {
        'weights': '', 'group': 'g', 'case': 'c', 'inputs': '0' * 12, 'start': 0,
        'start_mtre_mm': 30.5, 'mtre_mm': 0.5, 'mpe_mm': 0.25, 'rotation_deg': 0.125,
        'in_plane_mm': 0.25, 'depth_mm': 0.5, 'time_s': 1.0, 'verdict': 'OK', 'starts_used': 1,
        'error': '',
    }  # fmt: skip
    return Record(method, **{**values, **changes})
