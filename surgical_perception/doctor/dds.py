"""Whether images get from one process to another, and with which settings."""

import os
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

from surgical_perception.findings import Finding, Level
from surgical_perception.runtime.environment import (
    FAST_DDS_PROFILE,
    PROFILE_VARIABLES,
    in_ros_install,
)
from surgical_perception.runtime.shared_memory import FOLDER

FAST_DDS = 'rmw_fastrtps_cpp'
# A stereo pair of 1280x1024 colour images, once.
_MIN_SEGMENT_BYTES = 8 * 2**20
_NAMESPACE = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'


def dds_findings(environ=os.environ, shared_memory=FOLDER):
    """Return Findings about middleware, domain, profile and shared memory of an environment."""
    return [_middleware(environ), _reach(environ), *_profile(environ), *_room(shared_memory)]


def _middleware(environ):
    name = environ.get('RMW_IMPLEMENTATION', '')
    if name and name != FAST_DDS and not in_ros_install(environ):
        text = f'RMW_IMPLEMENTATION is {name}, the wheels hold {FAST_DDS}: unset it'
        return Finding(Level.ERROR, 'middleware', text)
    return Finding(Level.OK, 'middleware', name or f'{FAST_DDS}, the default')


def _reach(environ):
    domain = environ.get('ROS_DOMAIN_ID', '') or '0'
    if not (domain.isdigit() and int(domain) <= 232):
        return Finding(Level.ERROR, 'domain', f'ROS_DOMAIN_ID is {domain}, expected 0 to 232')
    scope = environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '')
    alone = scope in ('LOCALHOST', 'OFF') or environ.get('ROS_LOCALHOST_ONLY') == '1'
    if alone:
        text = f'{domain}, nodes of this machine only (ROS_AUTOMATIC_DISCOVERY_RANGE {scope})'
        return Finding(Level.OK, 'domain', text)
    text = f'{domain}, also nodes of other machines; ROS_DOMAIN_ID must be the same everywhere'
    return Finding(Level.OK, 'domain', text)


def _profile(environ):
    """Judge the Fast DDS profile: without one, most images are lost."""
    if environ.get('RMW_IMPLEMENTATION', FAST_DDS) != FAST_DDS:
        return []
    named = {name: environ[name] for name in PROFILE_VARIABLES if environ.get(name)}
    if not named:
        text = (
            'none is set in this terminal. The launch files of this package set theirs, your '
            f'camera driver needs it too: export {PROFILE_VARIABLES[0]}={FAST_DDS_PROFILE}'
        )
        return [Finding(Level.WARNING, 'DDS profile', text)]
    return [_judged(variable, path) for variable, path in sorted(named.items())]


def _judged(variable, path):
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        return Finding(Level.ERROR, 'DDS profile', f'{variable}: {path} cannot be read: {error}')
    sizes = [
        int(transport.findtext(f'{_NAMESPACE}segment_size', '0'))
        for transport in root.iter(f'{_NAMESPACE}transport_descriptor')
        if transport.findtext(f'{_NAMESPACE}type') == 'SHM'
    ]
    if max(sizes, default=0) < _MIN_SEGMENT_BYTES:
        held = f'{max(sizes) / 2**20:.1f} MiB' if sizes else 'no'
        return Finding(
            Level.WARNING,
            'DDS profile',
            f'{path}: {held} of shared memory, images want 8 MiB: see {FAST_DDS_PROFILE}',
        )
    text = f'{path}: {max(sizes) / 2**20:.0f} MiB of shared memory for each process'
    return Finding(Level.OK, 'DDS profile', text)


def _room(folder):
    """Judge the space that segments of shared memory come from."""
    folder = Path(folder)
    if not folder.is_dir():
        return [Finding(Level.WARNING, 'shared memory', f'{folder} is not there: DDS uses UDP')]
    usage = shutil.disk_usage(folder)
    text = f'{folder}: {usage.free / 2**20:.0f} of {usage.total / 2**20:.0f} MiB free'
    if usage.free < 3 * 2**24:
        text += (
            '; each process of a node takes 16 MiB, and without it images are lost: give the '
            'container more (docker: --shm-size 1g), or end nodes'
        )
        return [Finding(Level.WARNING, 'shared memory', text)]
    return [Finding(Level.OK, 'shared memory', text)]
