# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS client of the fleet's hosts, run on their bridge. What it gets must be valid for the name, from the given CA.

    fleet_client.py once CA ADDRESS:PORT:NAME...    one handshake each: [[fingerprint, null] or [null, why not], ...]
    fleet_client.py poll CA ADDRESS:PORT:NAME...    a handshake each every 10 ms until its input ends:
                                                    [[[start, end, fingerprint, why not], ...], ...]

Port 25 is asked for STARTTLS. Prints one line of JSON. The times are of the monotonic clock, the same in all hosts.
"""

from __future__ import annotations

import hashlib
import json
import smtplib
import socket
import ssl
import sys
import threading
import time

Look = tuple[str | None, str | None]
PACE = 0.01
PATIENCE = 5.0


def handshake(context: ssl.SSLContext, address: str, port: int, name: str) -> Look:
    try:
        if port == smtplib.SMTP_PORT:
            with smtplib.SMTP(address, port, "client.test", PATIENCE) as client:
                client._host = name  # what to ask for and to verify
                client.starttls(context=context)
                return fingerprint(client.sock), None
        with (
            socket.create_connection((address, port), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=name) as tls,
        ):
            return fingerprint(tls), None
    except (OSError, smtplib.SMTPException) as error:
        return None, f"{type(error).__name__}: {error}"


def fingerprint(tls: ssl.SSLSocket) -> str:
    return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()


def main() -> None:
    action, authority, *texts = sys.argv[1:]
    targets = [(address, int(port), name) for address, port, name in (text.split(":") for text in texts)]
    context = ssl.create_default_context(cafile=authority)
    if action == "once":
        print(json.dumps([handshake(context, *target) for target in targets]))
        return
    over = threading.Event()
    looks: list[list[tuple[float, float, str | None, str | None]]] = [[] for _target in targets]

    def poll(index: int) -> None:
        while not over.is_set():
            start = time.monotonic()
            look = handshake(context, *targets[index])
            looks[index].append((start, time.monotonic(), *look))
            over.wait(max(0.0, start + PACE - time.monotonic()))

    threads = [threading.Thread(target=poll, args=(index,)) for index in range(len(targets))]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    print(json.dumps(looks))


if __name__ == "__main__":
    main()
