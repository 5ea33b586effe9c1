# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets. They are made by the supervisor and handed to whoever serves them: no port can be lost in between."""

from __future__ import annotations

import contextlib
import errno
import socket

LOOPBACK = "127.0.0.1"


def listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {address}, port {port}: {error.strerror}") from None
    return listener


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def preferred(port: int) -> socket.socket:
    """A listener on this loopback port, or on a free one when it is taken or 0."""
    if port:
        with contextlib.suppress(OSError):
            return listen(LOOPBACK, port)
    return listen(LOOPBACK, 0)


def shared(addresses: list[str], port: int) -> tuple[int, list[socket.socket]]:
    """Listeners on one port of several addresses; 0 looks for a port that is free on all of them."""
    for _attempt in range(20):
        made: list[socket.socket] = []
        try:
            for address in addresses:
                made.append(listen(address, port_of(made[0]) if made else port))
            return (port_of(made[0]) if made else port), made
        except OSError as error:
            for listener in made:
                listener.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no port is free on all of {', '.join(addresses)}")


def datagram_pair(port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one loopback port."""
    for wanted in (port, *[0] * 20):
        tcp = preferred(wanted)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind((LOOPBACK, port_of(tcp)))
            return udp, tcp
        except OSError:
            udp.close()
            tcp.close()
    raise OSError(errno.EADDRINUSE, "no port is free for both UDP and TCP")
