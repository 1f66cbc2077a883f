"""Refusal of new connections by a listening socket, without the loss of those that wait to be accepted."""

import ctypes
import socket
import struct
import sys
from contextlib import suppress

_SO_ATTACH_FILTER = 26
_INSTRUCTION = struct.Struct("=HBBI")
_FLAGS_OFFSET, _SYN = 13, 0x02
_PROGRAM = b"".join(
    _INSTRUCTION.pack(*each)
    for each in (
        (0x30, 0, 0, _FLAGS_OFFSET),  # Load the byte with the TCP flags.
        (0x45, 0, 1, _SYN),  # Jump over the next instruction unless SYN is set.
        (0x06, 0, 0, 0),  # Drop the packet.
        (0x06, 0, 0, 0xFFFF_FFFF),  # Accept the packet.
    )
)


def stop_admitting(listener: socket.socket) -> None:
    """Drops the packets that begin connections, for all processes that share the socket, on Linux. Closing a
    listening socket resets the connections that are not yet accepted, whose requests may already be on their
    way; after this call they can be accepted until there are none. A client whose packet was dropped sends
    it again after a second, and is then refused by the closed socket, so that it has lost nothing."""
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(_PROGRAM)
    count = len(_PROGRAM) // _INSTRUCTION.size
    with suppress(OSError):  # A sandbox may not permit it.
        listener.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(program))
        )
