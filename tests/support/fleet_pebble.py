# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m tests.support.fleet_pebble: an ACME server on the fleet's bridge, which looks for http-01 answers on the hosts.

Reads one line of JSON, {"keys": EAB keys by kid, "addresses": by name, "seconds": life of a certificate}; prints one, {"directory_url",
"ca_path" of its own HTTPS, "root" that it issues from (PEM), "log": its file}, and ends when its input does.
"""

from __future__ import annotations

import json
import sys

from tests.support.fleet_init import BRIDGE
from tests.support.pebble import Pebble


def main() -> None:
    given = json.loads(sys.stdin.readline())
    server = Pebble(given["keys"], http01_port=80, answer_http01=False, seconds=given["seconds"], address=BRIDGE)
    with server as pebble:
        for name, address in given["addresses"].items():
            pebble.add_a(f"{name}.", address)
        found = {"directory_url": pebble.directory_url, "ca_path": pebble.ca_path, "log": pebble.log_path}
        print(json.dumps({**found, "root": pebble.issuing_root().decode()}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
