"""What a remote desktop's page sends over a raw socket: keys and the pointer, or only requests for the next picture.

The page of a VNC client asks for each picture, so a clock on the desktop makes traffic without anyone there.
https://datatracker.ietf.org/doc/html/rfc6143#section-7.5
"""

from __future__ import annotations

#: How the first message of each client begins.
_GREETING = b"RFB "
_SET_ENCODINGS, _KEY, _POINTER, _QEMU = 2, 4, 5, 255
#: The lengths of the messages that have a fixed one: SetPixelFormat, FramebufferUpdateRequest, EnableContinuousUpdates.
_LENGTHS = {0: 20, 3: 10, 150: 10}
_QEMU_KEY = 0  # the kind of _QEMU's messages that is a key


class RemoteDesktop:
    """One connection. `is_vnc` once the client has greeted: then `shows_person` knows what its messages are."""

    def __init__(self) -> None:
        self.is_vnc = False

    def shows_person(self, message: bytes) -> bool:
        """Return whether a message from a VNC client has a key or the pointer in it."""
        if message.startswith(_GREETING):
            self.is_vnc = True
            return False
        return self.is_vnc and _has_input(message)


def _has_input(message: bytes) -> bool:
    at = 0
    while at < len(message):
        kind = message[at]
        if kind in (_KEY, _POINTER):
            return True
        if kind == _QEMU:
            return message[at + 1 : at + 2] == bytes([_QEMU_KEY])
        if kind == _SET_ENCODINGS:
            at += 4 + 4 * int.from_bytes(message[at + 2 : at + 4], "big")
        elif kind in _LENGTHS:
            at += _LENGTHS[kind]
        else:  # the handshake, the clipboard, or an extension
            return False
    return False
