# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options to items: one certificate each, given alone, in a list, or as a set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Mapping

from .._core import files
from .._core.clock import Clock
from .._core.errors import UsageError
from .._core.names import dns_name, dns_names
from .._core.secret import Secret, box
from .._renewal import policy as renewal
from .._renewal.policy import Policy
from .._sets import decide
from .._sets import request as set_request
from .._sets.store import PENDING, REQUEST, Live, SetStore
from .._sets.wanted import DNS01, Wanted
from .._x509 import load
from .._x509.facts import RequestFacts, request_facts
from .._x509.keys import DEFAULT_SIZE
from .contacts import GROUPS
from .contacts import check as check_contact
from .journal import is_whole
from .model import order_id

METHODS = ("DNS", "FILE", "Email")
_OF_ENTRY = ("product_code", "years", "dv_auth_method", "owner", "auth", "tech", "invoice")


@dataclass(frozen=True)
class Item:
    """What is wanted. ``csr`` is the user's; an item of a set has ``wanted`` in its place, and finds key and CSR there."""

    name: str
    product_code: str | None
    names: tuple[str, ...]
    years: int
    dv_auth_method: str
    order_id: int | None = None
    csr: bytes | None = field(default=None, repr=False)
    request: RequestFacts | None = None
    wanted: Wanted | None = None
    voucher: Secret | None = None
    contacts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    policy: Policy | None = None  # its own, where it has one


@dataclass(frozen=True)
class Present:
    """What we have of an item. ``reason``: why a new certificate is needed; ``urgent``: not because the old one ends.

    ``csr`` is the request to be certified; ``None`` where none is there yet, as in check mode before the set got one.
    """

    reason: str | None
    urgent: bool = False
    csr: bytes | None = field(default=None, repr=False)
    request: RequestFacts | None = None
    state: set_request.Have | None = None
    live_key: str | None = None
    live_serial: str | None = None
    live_end: datetime | None = None

    @property
    def key(self) -> str | None:
        return self.request.public_key if self.request else None

    def live_order(self, api_url: str) -> int | None:
        """The order of the live certificate, as its set remembers it."""
        meta = self.state.live.meta if self.state and self.state.live else {}
        found = meta.get("order_id")
        return found if is_whole(found) and meta.get("api_url") == api_url else None


def from_params(params: Mapping[str, Any]) -> tuple[Item, ...]:
    """All items of a call; a ``UsageError`` names the entry it is about."""
    entries = params.get("certificates")
    if entries is None:
        return (_item(params, params, "the certificate"),)
    found: list[Item] = []
    for number, entry in enumerate(entries):
        label = "certificates[%d] (%s)" % (number, entry.get("name") or entry.get("domain") or "?")
        try:
            merged = {**entry, **{name: entry.get(name) or params.get(name) for name in _OF_ENTRY}}
            item = _item(merged, params, label)
            if any(item.name == other.name for other in found):
                raise UsageError("the name is used twice")
            same = [other.name for other in found if _subject(item) and _subject(other) == _subject(item)]
            if same:
                raise UsageError(
                    "%s is for the same product and names, and one order has one certificate" % same[0],
                    hint="Take another product for one of the two, or one certificate for both.",
                )
        except UsageError as error:
            error.message = "%s: %s" % (label, error.message)
            raise
        found.append(item)
    return tuple(found)


def _subject(item: Item) -> tuple[str, frozenset[str]] | None:
    return (item.product_code.lower(), frozenset(item.names)) if item.product_code and item.names else None


def _item(entry: Mapping[str, Any], params: Mapping[str, Any], label: str) -> Item:
    in_sets = bool(params.get("sets_path"))
    csr = _csr(entry)
    if csr is not None and in_sets:
        raise UsageError("csr and sets_path exclude each other", hint="A set brings its own request.")
    request = request_facts(load.request(csr, label)) if csr else None
    names = _names(entry, request)
    years = entry.get("years") or 1
    if not 1 <= years <= 10:
        raise UsageError("years is %d, not within 1 and 10" % years)
    pinned = entry.get("order_id")
    item = Item(
        name=entry.get("name") or (names[0] if names else "order %s" % pinned),
        product_code=entry.get("product_code") or None,
        names=names,
        years=years,
        dv_auth_method=entry.get("dv_auth_method") or METHODS[0],
        order_id=order_id(pinned) if pinned is not None else None,
        csr=csr,
        request=request,
        wanted=_wanted(entry, params, names) if in_sets else None,
        voucher=box(entry["voucher"]) if entry.get("voucher") else None,
        contacts={group: check_contact(group, entry[group]) for group in GROUPS if entry.get(group)},
        policy=renewal.from_params(params, entry) if entry is not params and entry.get("renewal") else None,
    )
    if item.request is not None and set(item.request.names) != set(names):
        raise UsageError(
            "the CSR is for %s, not for %s" % (", ".join(item.request.names), ", ".join(names)),
            hint="Make a CSR for domain and dns_names, all of them and no others.",
        )
    return item


def _names(entry: Mapping[str, Any], request: RequestFacts | None) -> tuple[str, ...]:
    """The domain first. Without one the names of the CSR are meant."""
    texts = [entry["domain"]] if entry.get("domain") else []
    texts += entry.get("dns_names") or []
    if entry.get("dns_names") and not entry.get("domain"):
        raise UsageError("dns_names needs domain, the first name")
    if texts:
        return dns_names(texts)
    return tuple(dns_name(name) for name in request.names) if request else ()


def _csr(entry: Mapping[str, Any]) -> bytes | None:
    if entry.get("csr"):
        return str(entry["csr"]).encode("utf-8")
    if not entry.get("csr_path"):
        return None
    content = files.read(entry["csr_path"])
    if content is None:
        raise UsageError("csr_path %s does not exist" % entry["csr_path"])
    return content


def _wanted(entry: Mapping[str, Any], params: Mapping[str, Any], names: tuple[str, ...]) -> Wanted:
    if not entry.get("name") or not names or not entry.get("product_code"):
        raise UsageError("a set needs name, domain and product_code")
    key_type = entry.get("key_type") or "ecdsa"
    return Wanted(
        name=entry["name"],
        domains=names,
        key_type=key_type,
        key_size=entry.get("key_size") or DEFAULT_SIZE[key_type],
        challenge=DNS01,
        profile=entry["product_code"],
        preferred_chain=None,
        directory_url=None,
        policy=renewal.from_params(params, None if entry is params else entry),
    )


def present(item: Item, store: SetStore | None, clock: Clock) -> Present:
    """What is there of an item. Without a set there is the CSR alone, and what it is for is decided by its order."""
    if item.wanted is None or store is None:
        return Present("a certificate is wanted", csr=item.csr, request=item.request)
    state = set_request.look(store, item.wanted, clock)
    held = _held(state)
    if not set_request.still_to_issue(item.wanted, state):
        return Present(None, **held)
    urgent = not _ends(item.wanted, state.live, clock.now())
    if state.pending is None or not decide.fits(item.wanted, state.pending):
        return Present(state.reason, urgent, **held)
    csr = store.content(item.name, PENDING, REQUEST)
    return Present(state.reason or "its certificate is here", urgent, csr, state.pending.request, **held)


def _held(state: set_request.Have) -> dict[str, Any]:
    if state.live is None:
        return {"state": state}
    leaf = state.live.leaf
    return {
        "state": state,
        "live_key": leaf.public_key,
        "live_serial": state.live.serial,
        "live_end": leaf.not_after,
    }


def _ends(wanted: Wanted, live: Live | None, now: datetime) -> bool:
    """Whether a certificate that is right otherwise comes to its end, or has."""
    if live is None or decide.difference(wanted, live) is not None:
        return False
    return now >= decide.age(wanted, live, None, now).since
