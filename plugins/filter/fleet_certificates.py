# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of a fleet, checked and selected."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_certificates
author: The certfleet.reseller contributors (@certfleet)
short_description: Check, normalise and select the certificates of a fleet
version_added: 1.0.0
description:
  - Checks C(certfleet_certificates), the description of the certificates in the inventory, fills in defaults, and selects by issuer or
    host.
  - A wrong entry fails with a sentence that names it, also when it is not selected.
positional: _input, issuers
options:
  _input:
    description: The certificates.
    type: list
    elements: dict
    required: true
  issuers:
    description:
      - C(certfleet_issuers). The certificates are checked against them, and take C(profile) and C(preferred_chain) from them.
      - Without them issuers are not checked.
    type: dict
  issuer:
    description: Only the certificates of this issuer.
    type: str
  groups:
    description:
      - The variable C(groups) of Ansible. Needed for O(hosts).
      - With it, C(hosts) of a certificate that names neither a host nor a group is an error.
    type: dict
  hosts:
    description:
      - Only the certificates whose C(hosts) contain one of these hosts.
    type: list
    elements: str
  form:
    description:
      - V(full) gives all options.
      - V(acme) gives those that M(certfleet.reseller.certificate_request) and M(certfleet.reseller.acme_order) take, without the
        certificates of issuers of the kind C(sslmarket), and of those whose C(client) renews on the hosts.
      - V(sslmarket) gives those that M(certfleet.reseller.sslmarket_order) and M(certfleet.reseller.sslmarket_certificate) take, of the
        certificates of issuers of that kind alone. Vouchers are among them; they are in no other form. Needs O(issuers).
      - V(request) gives those that M(certfleet.reseller.certificate_request) takes, of the same certificates as V(sslmarket). Their
        C(profile) is the code of the product.
      - With O(hosts) these three keep the certificates that have no C(hosts), too.
      - V(deploy) gives those that M(certfleet.reseller.certificate_deploy) takes, with the commands of O(services).
      - V(status) gives those that M(certfleet.reseller.certificate_status) takes, with those of O(hosts) that shall have each. Endpoints
        are among them if there is O(address).
    type: str
    choices: [full, acme, sslmarket, request, deploy, status]
    default: full
  services:
    description:
      - The services by name, each with C(reload), a command as a list of words. For O(form=deploy).
    type: dict
    default: {}
  address:
    description:
      - Address of the endpoints that do not give one. For O(form=deploy) and O(form=status).
    type: str
  without_clients_of:
    description:
      - C(certfleet_issuers). The certificates of those whose C(client) renews on the hosts are left out, for the hosts deploy them, too.
      - The certificates are not checked against them.
    type: dict
notes:
  - Patterns in C(hosts) are names of hosts and groups, wildcards and C(~regex), joined by commas or colons, with C(&) and C(!) as in a play.
    Hosts cannot be picked by number.
seealso:
  - plugin: certfleet.reseller.fleet_issuers
    plugin_type: filter
"""

EXAMPLES = r"""
- name: The certificates that this host shall have
  ansible.builtin.debug:
    msg: "{{ certfleet_certificates | certfleet.reseller.fleet_certificates(certfleet_issuers, hosts=[inventory_hostname], groups=groups) }}"
"""

RETURN = r"""
_value:
  description: The certificates. Options that are not given and have no default are left out.
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import certificates as model
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import forms, hosted
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.hosts import Hosts
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.issuers import SSLMARKET
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.issuers import issuers as checked_issuers
from ansible_collections.certfleet.reseller.plugins.plugin_utils.errors import as_filter_error

FORMS = ("full", "acme", "sslmarket", "request", "deploy", "status")


def fleet_certificates(
    value: Any,
    issuers: Any = None,
    issuer: str | None = None,
    groups: Any = None,
    hosts: Any = None,
    form: str = "full",
    services: Any = None,
    address: str | None = None,
    without_clients_of: Any = None,
) -> list[dict[str, Any]]:
    with as_filter_error():
        if form not in FORMS:
            raise UsageError("form is %r, not one of %s" % (form, ", ".join(FORMS)))
        known = None if issuers is None else checked_issuers(issuers)
        found = model.certificates(value, known)
        entries = {each["name"]: entry for each, entry in zip(found, value)}
        places = None if groups is None else Hosts(groups)
        if places is not None:
            model.check_hosts(found, places)
        found = _of_issuer(found, known, issuer, form)
        if without_clients_of is not None:
            found = [each for each in found if not hosted.on_hosts(without_clients_of.get(each.get("issuer")))]
        if hosts is not None:
            if places is None:
                raise UsageError("the option hosts needs the option groups")
            # a host serves what it has, so there it is nobody else's
            bound = form in ("full", "deploy") or (form == "status" and address is not None)
            found = model.on_hosts(found, places, hosts, unbound=not bound)
        if form in ("acme", "request"):
            return [forms.for_acme(each) for each in found]
        if form == "sslmarket":
            return [forms.for_sslmarket(each, entries[each["name"]]) for each in found]
        if form == "deploy":
            return [forms.for_deploy(each, services, address) for each in found]
        if form == "status":
            return [
                forms.for_status(each, (known or {}).get(each.get("issuer", ""), {}), _on(each, places, hosts), address)
                for each in found
            ]
        return found


def _on(certificate: dict[str, Any], places: Hosts | None, hosts: Any) -> list[str] | None:
    """Which of the hosts shall have the certificate; ``None`` if that cannot be told."""
    if places is None or "hosts" not in certificate:
        return None
    wanted = places.of(certificate["hosts"])
    return [host for host in wanted if host in hosts] if hosts is not None else wanted


def _of_issuer(
    found: list[dict[str, Any]], known: dict[str, dict[str, Any]] | None, issuer: str | None, form: str
) -> list[dict[str, Any]]:
    """Those of the issuer, if one is wanted, and of the kind that the form is for."""
    if issuer is not None:
        found = [each for each in found if each.get("issuer") == issuer]
    if form in ("full", "deploy", "status"):
        return found
    if known is None:
        if form != "acme":
            raise UsageError("the form %s needs the option issuers" % form)
        return found
    market = form != "acme"
    found = [each for each in found if (known[each["issuer"]]["kind"] == SSLMARKET) == market]
    return [each for each in found if not hosted.on_hosts(known[each["issuer"]])]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_certificates": fleet_certificates}
