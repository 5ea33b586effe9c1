# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain validation that looks: at the sandbox's TXT records, and at the hosts that its A records name."""

from __future__ import annotations

import http.client

from certfleet_sandbox.names import Names
from certfleet_sandbox.sslmarket.knobs import Knobs

FILE_PATH = "/.well-known/pki-validation/fileauth.txt"
LABEL = "_dnsauth"
_SECONDS = 2
_MAX_FILE = 4096


class Dcv:
    def __init__(self, names: Names, http01_port: int) -> None:
        self._names, self._port = names, http01_port

    def proven(self, name: str, method: str, content: str, knobs: Knobs) -> bool:
        """Whether the content is published for a name without wildcard. E-mail is answered by a person: see Market.approve."""
        if method == "DNS":
            return any(content in self._names.texts(place) for place in _places(name, knobs))
        return method == "FILE" and self._fetch(name) == content

    def _fetch(self, name: str) -> str | None:
        address = self._names.addresses(name)[0]
        connection = http.client.HTTPConnection(address, self._port, timeout=_SECONDS)
        try:
            connection.request("GET", FILE_PATH, headers={"Host": f"{name}:{self._port}"})
            answer = connection.getresponse()
            return answer.read(_MAX_FILE).decode("ascii").strip() if answer.status == 200 else None
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def _places(name: str, knobs: Knobs) -> list[str]:
    labels = name.split(".")
    last = len(labels) - 1 if knobs.dcv_parents else 1
    domains = [".".join(labels[index:]) for index in range(max(last, 1))]
    return [f"{LABEL}.{domain}" for domain in domains] + (domains if knobs.dcv_on_apex else [])
