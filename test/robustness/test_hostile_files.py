"""Hostile files as ct.path of a running node: refused at configure by name, quickly, cheaply."""

import resource

import pytest
from hostile_files import FILES
from node_harness import NODE, Peer
from rclpy.parameter import Parameter
from ros_harness import running_node
from volume_files import lps_affine_m, save_nifti, voxels

from xray_registration.node import XrayRegistrationNode

MAX_GROWTH_MB = 200


@pytest.fixture(scope='module')
def node():
    """A node with the real loader that waits to be configured."""
    with running_node(XrayRegistrationNode, Peer, connect=False, autostart=False) as h:
        yield h.node


def configure(node, path):
    """Configure with a CT; return the reason for which the node did not, '' where it did."""
    assert node.set_parameters([Parameter('ct.path', value=str(path))])[0].successful
    node.trigger_configure()
    return node.failure


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize('name', FILES)
def test_a_hostile_file_is_refused_by_name_and_the_node_lives(node, name, tmp_path):
    path = FILES[name](tmp_path)
    before_mb = peak_mb()
    reason = configure(node, path)
    assert reason.startswith('cannot configure: ') and str(path) in reason
    assert 'internal error' not in reason and '\n' not in reason
    assert node.state == 'unconfigured'
    assert not (tmp_path / 'executed').exists()
    assert peak_mb() - before_mb < MAX_GROWTH_MB


def test_after_all_of_them_a_good_file_is_loaded(node, tmp_path):
    assert len(FILES) >= 30
    path = save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m())
    assert configure(node, path) == ''
    assert node.state == 'inactive'
    node.trigger_cleanup()
    assert NODE.endswith(node.get_name())


@pytest.mark.parametrize('name', ['pickle named as NIfTI', 'gzip bomb', 'NIfTI cut in the voxels'])
def test_hostile_label_maps_are_refused_by_name_too(node, name, tmp_path):
    (tmp_path / 'labels').mkdir()
    labels = FILES[name](tmp_path / 'labels')
    ct = save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m())
    node.set_parameters([Parameter('ct.labels', value=str(labels))])
    try:
        assert str(labels) in configure(node, ct)
    finally:
        node.set_parameters([Parameter('ct.labels', value='')])
