# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service as small as can be: commands that read the live links and keep on the disk what the service has taken.

``loaded`` has the serial numbers that it serves; without the file it is dead. ``faults`` are lines of a serial number and what happens
when the service is told about it.
"""

from __future__ import annotations

import pathlib
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._core.names import file_name
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.handshake import Served
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.model import Endpoint

from tests.unit.plugins.module_utils._deploy.pki import Issued

SCRIPT = """
cd "$0"
live=$(for link in $(cat links); do readlink $link; done)
fault=$(for serial in $live; do grep "^$serial " faults; done | cut -d' ' -f2)
echo $1 >> calls
case $1:$fault in
  test:*refuse*) echo "emerg: key values mismatch" >&2; exit 1 ;;
  test:*) exit 0 ;;
  recover:*die*) exit 1 ;;
  recover:*) [ -e loaded ] || echo "$live" > loaded.new; [ -e loaded ] || mv loaded.new loaded; exit 0 ;;
esac
[ -e loaded ] || { echo "it is not active, cannot reload" >&2; exit 1; }
case $fault in
  *fail*) exit 1 ;;
  *broken*) exit 127 ;;
  *ignore*) exit 0 ;;
  *die-loudly*) rm loaded; exit 1 ;;
  *die*) rm loaded; exit 0 ;;
  *strange*) echo strange > loaded.new ;;
  *) echo "$live" > loaded.new ;;
esac
mv loaded.new loaded
"""
# what goes wrong, and the kind of error that the user sees
FAULTS = {
    "refuse": "config_test",
    "fail": "reload",
    "broken": "reload",
    "die-loudly": "reload",
    "ignore": "proof",
    "die": "proof",
    "strange": "proof",
}


class Service:
    """It serves the sets of ``names`` below ``root``, each at its own port, in their order."""

    def __init__(self, folder: pathlib.Path, root: pathlib.Path, *names: str) -> None:
        self.folder, self.names = folder, names
        self.known: dict[str, str] = {}
        folder.mkdir(parents=True)
        (folder / "links").write_text("".join("%s/current\n" % (root / file_name(name)) for name in names))
        (folder / "faults").write_text("")
        (folder / "loaded").write_text("")

    def options(self, name: str, endpoints: bool = True) -> dict[str, Any]:
        """The options of one set that concern the service."""
        port = self.names.index(name) + 1
        return {
            **{option: [self.command(action)] for option, action in COMMANDS.items()},
            "endpoints": [{"address": "127.0.0.1", "port": port, "server_name": name}] if endpoints else [],
        }

    def command(self, action: str) -> list[str]:
        return ["sh", "-c", SCRIPT, str(self.folder), action]

    def fault(self, issued: Issued, kind: str) -> None:
        with (self.folder / "faults").open("a") as stream:
            stream.write("%s %s\n" % (issued.serial, kind))

    def mend(self) -> None:
        (self.folder / "faults").write_text("")

    @property
    def loaded(self) -> list[str] | None:
        path = self.folder / "loaded"
        return path.read_text().split() if path.exists() else None

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().split() if path.exists() else []

    def know(self, *versions: Issued) -> None:
        self.known.update({issued.serial: issued.fingerprint for issued in versions})

    def probe(self, endpoint: Endpoint, _timeout: float) -> Served:
        """In the place of a handshake."""
        loaded = self.loaded
        if loaded is None:
            return Served(endpoint, None, "no connection: Connection refused")
        number = endpoint.port - 1
        serial = loaded[number] if number < len(loaded) else ""
        return Served(endpoint, self.known.get(serial, "0" * 64))


COMMANDS = {"config_test": "test", "reload": "reload", "recover": "recover"}
