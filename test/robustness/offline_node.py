"""
A process of its own in which both nodes work, and in which no socket may leave this machine.

Python's sockets are watched by an audit hook; those of Fast DDS and of every other library are
held by the kernel, where the test gives this process a network namespace of its own.
"""

import fcntl
import ipaddress
import os
import socket
import struct
import sys
import tempfile
from pathlib import Path

LEFT_THE_MACHINE = 7
# linux/sockios.h, linux/if.h
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def watch(event, arguments):
    """End the process at once where a socket is to reach beyond this machine."""
    if event in ('socket.connect', 'socket.sendto', 'socket.bind'):
        address = arguments[1]
        if isinstance(address, tuple) and not _is_here(address[0]):
            _leave(f'{event} {address}')
    elif event in ('socket.getaddrinfo', 'socket.gethostbyname'):
        if not _is_here(arguments[0]):
            _leave(f'{event} {arguments[0]}')
    elif event == 'urllib.Request':
        _leave(f'{event} {arguments[0]}')


def _is_here(host):
    if host in (None, 'localhost'):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _leave(what):
    os.write(2, f'{what}\n'.encode())
    os._exit(LEFT_THE_MACHINE)


def loopback_up():
    """Switch on the one interface that a new network namespace has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack('16sh', b'lo', 0)
        flags = struct.unpack('16sh', fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack('16sh', b'lo', flags | IFF_UP))


def main():
    """Register by the node over DDS and by the command line; make the other node's pipeline."""
    if '--own-network' in sys.argv:
        loopback_up()
    sys.addaudithook(watch)
    from life_cycles import CAMERA, make_scene
    from node_harness import running

    from surg_invnerf.assembly import pipeline_maker
    from surg_invnerf.parameters import SurgInvnerfParameters
    from xray_registration.assembly import load_pipeline

    with tempfile.TemporaryDirectory() as folder:
        scene = make_scene(Path(folder))
        with running(make_pipeline=load_pipeline, ct__path=str(scene.ct_path)) as h:
            h.peer.shoot(1_700_000_000_000_000_000, scene.counts, CAMERA)
            h.wait(lambda: h.peer.statuses, 60.0)
            sys.stdout.write(h.peer.statuses[0].message + '\n')
    pipeline_maker(SurgInvnerfParameters())


if __name__ == '__main__':
    if '--reach-out' in sys.argv:  # what the test of this test asks for
        sys.addaudithook(watch)
        socket.create_connection(('192.0.2.1', 80), timeout=1)
    else:
        main()
