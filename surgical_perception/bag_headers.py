"""Stamp and frame of serialised messages that begin with a std_msgs/Header, without decoding."""

import dataclasses
import struct

from surgical_perception.bags import typestore
from surgical_perception.errors import InputError
from surgical_perception.ros import stamps

# CDR: an encapsulation of 4 bytes, of which the second says little or big endian, then the header.
_ENCAPSULATION_BYTES = 4
_STAMP_BYTES = 8
_LENGTH_BYTES = 4


def has_header(msgtype):
    """Tell whether messages of a type begin with a header."""
    kind = typestore.types.get(msgtype)
    names = [f.name for f in dataclasses.fields(kind)] if kind else []
    return names[:1] == ['header']


def stamp_ns(raw):
    """Return header.stamp; raises struct.error or IndexError where the bytes end before."""
    sec, nanosec = struct.unpack_from(f'{_order(raw)}iI', raw, _ENCAPSULATION_BYTES)
    return sec * stamps.NS_PER_S + nanosec


def header(raw, what='message'):
    """Return (stamp in ns, frame_id); raises InputError where the bytes end before."""
    try:
        place = _ENCAPSULATION_BYTES + _STAMP_BYTES
        (length,) = struct.unpack_from(f'{_order(raw)}I', raw, place)
        text = bytes(raw[place + _LENGTH_BYTES :][:length])
        return stamp_ns(raw), text.rstrip(b'\0').decode(errors='replace')
    except (struct.error, IndexError):
        raise InputError(f'{what} holds a message that is cut off') from None


def _order(raw):
    return '<' if raw[1] & 1 else '>'
