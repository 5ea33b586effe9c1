"""handshake.py ADDRESS PORT NAME CA-FILE: exit code 0 if a certificate for NAME is served that verifies against the CA."""

from __future__ import annotations

import socket
import ssl
import sys

address, port, name, ca_path = sys.argv[1:]
context = ssl.create_default_context(cafile=ca_path)
with (
    socket.create_connection((address, int(port)), timeout=5) as plain,
    context.wrap_socket(plain, server_hostname=name) as connection,
):
    print(connection.version())
