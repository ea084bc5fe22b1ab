"""Stamp and frame of serialised messages that begin with a std_msgs/Header, without decoding."""

import dataclasses
import struct

from surgical_perception.bags import typestore
from surgical_perception.errors import InputError
from surgical_perception.ros import stamps

# CDR: an encapsulation of 4 bytes, of which the second says little or big endian, then the header.
_ENCAPSULATION_BYTES = 4
_STAMP_AND_LENGTH_BYTES = 12


def has_header(msgtype):
    """Tell whether messages of a type begin with a header."""
    kind = typestore.types.get(msgtype)
    names = [f.name for f in dataclasses.fields(kind)] if kind else []
    return names[:1] == ['header']


def header(raw, what='message'):
    """Return (stamp in ns, frame_id); raises InputError where the bytes end before."""
    try:
        order = '<' if raw[1] & 1 else '>'
        sec, nanosec, length = struct.unpack_from(f'{order}iII', raw, _ENCAPSULATION_BYTES)
    except (struct.error, IndexError):
        raise InputError(f'{what} holds a message that is cut off') from None
    frame = bytes(raw[_ENCAPSULATION_BYTES + _STAMP_AND_LENGTH_BYTES :][:length])
    return sec * stamps.NS_PER_S + nanosec, frame.rstrip(b'\0').decode(errors='replace')
