# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of the inventory as certificate_status takes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.filter.fleet_certificates import fleet_certificates

GROUPS = {"all": ["web1", "web2", "db1"], "web": ["web1", "web2"]}
ISSUERS = {
    "alpha": {
        "kind": "acme",
        "contact": "tls@alpha.example",
        "directory_url": "https://acme.example/directory",
        "remaining_days": 20,
        "renewal": {"weekly_limit": 50, "splay": "2d"},
    }
}
CERTIFICATES: list[dict[str, Any]] = [
    {
        "name": "www.alpha.example",
        "issuer": "alpha",
        "hosts": "web",
        "endpoints": [{"port": 443}, {"port": 25, "address": "192.0.2.1", "starttls": "smtp"}],
        "renewal": {"splay": "1d"},
    },
    {"name": "mail.alpha.example", "issuer": "alpha", "challenge": "dns-01"},
]


def form(**more: Any) -> list[dict[str, Any]]:
    return fleet_certificates(CERTIFICATES, ISSUERS, groups=GROUPS, form="status", **more)


def test_the_controller_gets_all_with_the_hosts_of_the_play() -> None:
    first, second = form(hosts=["web2", "db1"])
    assert first == {
        "name": "www.alpha.example",
        "domains": ["www.alpha.example"],
        "issuer": "alpha",
        "provider": "acme",
        "hosts": ["web2"],
        # the issuer's, but for what the certificate says; limits are not a certificate's
        "renewal": {"remaining_days": 20, "splay": "1d"},
    }
    assert second["name"] == "mail.alpha.example"
    assert "hosts" not in second


@pytest.mark.parametrize("client", ["lego", "certbot", "external", "controller", None])
def test_who_renews_it(client: str | None) -> None:
    """Hosts that renew by themselves are named, for the controller has no set of theirs."""
    issuers = {"alpha": {**ISSUERS["alpha"], **({"client": client} if client else {})}}
    found = fleet_certificates(CERTIFICATES[:1], issuers, hosts=["web2"], groups=GROUPS, form="status")
    assert found[0].get("client") == (client if client in ("lego", "certbot", "external") else None)


def test_a_host_gets_its_own_with_endpoints() -> None:
    (found,) = form(hosts=["web1"], address="127.0.0.1")
    assert found["endpoints"] == [
        {"address": "127.0.0.1", "port": 443},
        {"address": "192.0.2.1", "port": 25, "starttls": "smtp"},
    ]
    assert form(hosts=["db1"], address="127.0.0.1") == []
