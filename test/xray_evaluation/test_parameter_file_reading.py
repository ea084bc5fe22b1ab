"""A ROS parameter file read without ROS gives what a node would be given."""

from pathlib import Path

import pytest

from surgical_perception import parameters as schema
from surgical_perception.errors import InputError
from surgical_perception.parameter_files import read_values
from xray_registration.parameters import XrayRegistrationParameters

CHECKOUT = Path(__file__).resolve().parents[2]
NODE = 'xray_registration_node'


def test_the_shipped_file_holds_the_defaults():
    values = read_values(CHECKOUT / 'config' / 'xray_registration.yaml', NODE)
    assert schema.build(XrayRegistrationParameters, values) == XrayRegistrationParameters()
    # Lists that are empty are commented out there.
    assert {
        n for n, p in schema.flatten(XrayRegistrationParameters).items() if p.default != ()
    } == (set(values))


def test_the_own_name_of_a_node_beats_all_nodes_and_ros_has_its_own(tmp_path):
    path = tmp_path / 'file.yaml'
    path.write_text(
        '/**:\n  ros__parameters:\n    use_sim_time: true\n    ct: {path: a, sha256: b}\n'
        f'{NODE}:\n  ros__parameters:\n    ct.path: c\n    qos_overrides: {{x: 1}}\n'
        'other_node:\n  ros__parameters:\n    method: none\n'
    )
    assert read_values(path, NODE) == {'ct.path': 'c', 'ct.sha256': 'b'}


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        ('- 1', 'holds no parameters of'),
        ('other_node:\n  ros__parameters:\n    a: 1', 'holds no parameters of'),
        ('/**:\n  a: 1', 'holds no parameters of'),
        ('a: [', 'is no YAML'),
    ],
)
def test_what_is_no_parameter_file_is_refused(tmp_path, content, reason):
    path = tmp_path / 'file.yaml'
    path.write_text(content)
    with pytest.raises(InputError, match=reason):
        read_values(path, NODE)
    with pytest.raises(InputError, match='cannot be read'):
        read_values(tmp_path / 'missing.yaml', NODE)
