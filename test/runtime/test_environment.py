"""The environment of node processes: shared memory by default, the user's choice first."""

import sys
import xml.etree.ElementTree as ET

from surgical_perception.runtime.environment import (
    FAST_DDS_PROFILE,
    PROFILE_VARIABLES,
    dds_environment,
    in_ros_install,
    node_environment,
)

NAMESPACE = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'


def test_the_profile_is_given_under_both_names():
    added = dds_environment({})
    assert {added[name] for name in PROFILE_VARIABLES} == {str(FAST_DDS_PROFILE)}
    assert added['RMW_IMPLEMENTATION'] == 'rmw_fastrtps_cpp'


def test_a_profile_of_the_user_wins():
    assert not set(PROFILE_VARIABLES) & set(dds_environment({PROFILE_VARIABLES[0]: '/my.xml'}))


def test_a_ros_install_chooses_its_own_middleware():
    assert 'RMW_IMPLEMENTATION' not in dds_environment({'AMENT_PREFIX_PATH': '/opt/ros/jazzy'})


def test_the_index_of_this_venv_is_no_ros_install():
    assert not in_ros_install({'AMENT_PREFIX_PATH': sys.prefix})
    assert in_ros_install({'AMENT_PREFIX_PATH': f'{sys.prefix}:/opt/ros/jazzy'})


def test_nodes_find_the_index_and_show_lines_at_once():
    node = node_environment({'HOME': '/home/x'})
    assert (node['HOME'], node['AMENT_PREFIX_PATH']) == ('/home/x', sys.prefix)
    assert node['PYTHONUNBUFFERED'] == '1'


def test_the_profile_holds_a_pair_of_stereo_images():
    profile = ET.parse(FAST_DDS_PROFILE).getroot()
    transports = {
        t.findtext(f'{NAMESPACE}type'): t
        for t in profile.iter(f'{NAMESPACE}transport_descriptor')
        if t.findtext(f'{NAMESPACE}type')
    }
    stereo_bytes = 2 * 1280 * 1024 * 3
    shm = transports['SHM']
    assert int(shm.findtext(f'{NAMESPACE}segment_size')) >= 2 * stereo_bytes
    assert int(shm.findtext(f'{NAMESPACE}maxMessageSize')) >= stereo_bytes / 2
    (participant,) = profile.iter(f'{NAMESPACE}participant')
    assert participant.get('is_default_profile') == 'true'
