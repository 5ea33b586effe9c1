# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the CA looks for when it validates control of the domains (pure).

SSLmarket gives one value (``dv_auth_content``) and no name for it. Its help pages show the TXT record ``_dnsauth.<domain>`` and the file
``fileauth.txt``: https://www.sslmarket.sk/ssl/help-overenie-ssl-certifikatu-dv,
https://www.sslmarket.com/ssl/dv-certificates-and-vetting-by-file-on-ftp.
"""

from __future__ import annotations

from typing import Any, Sequence

from .model import Detail

FILE_PATH = "/.well-known/pki-validation/fileauth.txt"


def to_publish(order: Detail) -> dict[str, Any] | None:
    """``{method, records, files}``, or ``None`` when the order needs nothing published."""
    method = (order.dv_auth_method or "").upper()
    content = order.dv_auth_content
    if order.issued or not content or method not in ("DNS", "FILE"):
        return None
    domains = _domains(order.names)
    records = [
        {"domain": domain, "record": "_dnsauth." + domain, "type": "TXT", "value": content} for domain in domains
    ]
    files = [{"domain": domain, "path": FILE_PATH, "content": content} for domain in domains]
    return {
        "method": method,
        "records": records if method == "DNS" else [],
        "files": files if method == "FILE" else [],
    }


def _domains(names: Sequence[str]) -> list[str]:
    """A wildcard is validated by the name below its star."""
    return list(dict.fromkeys(name[2:] if name.startswith("*.") else name for name in names))
