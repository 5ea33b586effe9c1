# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS client of the fleet's hosts, run on their bridge. What it gets must be valid for the name, from the given CA.

    fleet_client.py once CA ADDRESS:PORT:NAME...    one handshake each: [[fingerprint, null] or [null, why not], ...]
    fleet_client.py poll CA ADDRESS:PORT:NAME...    a handshake each every 10 ms until its input ends:
                                                    [[[start, end, fingerprint, why not], ...], ...]
    fleet_client.py follow CA ADDRESS:PORT:NAME...  a handshake each every 100 ms until its input ends:
                                                    [{"looks": n, "refused": [why not, ...],
                                                      "seen": [[fingerprint, issued, first seen], ...]}, ...]

Port 25 is asked for STARTTLS. Prints one line of JSON. The times of ``poll`` are of the monotonic clock, the same in all hosts,
those of ``follow`` are seconds since 1970.
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
PACE, LEISURE = 0.01, 0.1
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


class Follower(threading.Thread):
    """The certificates that one server shows, one after the other."""

    def __init__(self, context: ssl.SSLContext, target: tuple[str, int, str], over: threading.Event) -> None:
        super().__init__()
        self.context, self.target, self.over = context, target, over
        self.looks = 0
        self.refused: list[str] = []
        self.seen: list[tuple[str, float, float]] = []

    def run(self) -> None:
        address, port, name = self.target
        while not self.over.wait(LEISURE):
            self.looks += 1
            try:
                with (
                    socket.create_connection((address, port), PATIENCE) as plain,
                    self.context.wrap_socket(plain, server_hostname=name) as tls,
                ):
                    found, shown = fingerprint(tls), tls.getpeercert() or {}
            except OSError as error:
                self.refused.append(f"{time.time()}: {type(error).__name__}: {error}")
                continue
            if not self.seen or self.seen[-1][0] != found:
                self.seen.append((found, ssl.cert_time_to_seconds(str(shown["notBefore"])), time.time()))


def follow(context: ssl.SSLContext, targets: list[tuple[str, int, str]]) -> None:
    over = threading.Event()
    followers = [Follower(context, target, over) for target in targets]
    for follower in followers:
        follower.start()
    sys.stdin.read()
    over.set()
    for follower in followers:
        follower.join()
    print(json.dumps([{name: getattr(each, name) for name in ("looks", "refused", "seen")} for each in followers]))


def fingerprint(tls: ssl.SSLSocket) -> str:
    return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()


def main() -> None:
    action, authority, *texts = sys.argv[1:]
    targets = [(address, int(port), name) for address, port, name in (text.split(":") for text in texts)]
    context = ssl.create_default_context(cafile=authority)
    if action == "once":
        print(json.dumps([handshake(context, *target) for target in targets]))
        return
    if action == "follow":
        follow(context, targets)
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
