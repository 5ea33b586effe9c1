# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an issued order to files: downloads, proves and stores a certificate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from .._core import files
from .._core.clock import iso
from .._core.errors import InvalidData, StateError, VerifyError
from .._sets.store import CURRENT, KEY, PENDING, REQUEST, SetStore
from .._x509 import load, path, pkcs7
from .._x509.facts import Facts, facts, key_facts
from .._x509.verify import VerifiedSet, verify_set
from . import match, term
from .items import Item
from .lookup import Account
from .model import Row


@dataclass(frozen=True)
class Delivered:
    """A proven certificate. ``extra``: names that the CA added by itself. ``remarks``: what is not as ordered, and still usable."""

    proven: VerifiedSet
    extra: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def leaf(self) -> Facts:
        return self.proven.leaf


@dataclass(frozen=True)
class Targets:
    """Files that a user wants; ``None`` for those that are not wanted."""

    path: str | None = None
    fullchain_path: str | None = None
    p7b_path: str | None = None

    def all(self) -> list[str]:
        return [each for each in (self.path, self.fullchain_path, self.p7b_path) if each]


def deliver(account: Account, item: Item, order: Row, key: str | None) -> Delivered:
    """Downloads the certificate of an order. It must be for our key and all of our names, and have a chain.

    Where we have no names, the order says what they are.
    """
    source = "the certificate of order %d" % order.order_id
    names = item.names or order.names
    bundle = _bundle(account, order.order_id, source)
    surplus = _surplus(bundle, names)
    proven = verify_set(
        key_pem=None,
        public_key=key,
        fullchain_pem=bundle,
        names=names or None,
        now=account.clock.now(),
        source=source,
        extra=surplus,
    )
    if not proven.chain_pem:
        raise VerifyError("%s comes without its intermediate certificates" % source, hint="Run again.", check="chain")
    remarks = list(proven.warnings)
    short = term.too_short(proven.leaf.not_before, proven.leaf.not_after, order)
    if short:
        remarks.append("%s is shorter than ordered: %s" % (source, short))
    if surplus:
        remarks.append("%s has names that were not ordered: %s" % (source, ", ".join(surplus)))
    return Delivered(proven, tuple(surplus), tuple(remarks))


def _bundle(account: Account, order_id: int, source: str) -> bytes:
    """``pem_intermediate`` has the leaf too, says the documentation; where it has not, ``pem_server`` brings it."""
    bundle = account.api.download(order_id, "pem_intermediate")
    found = load.certificates(bundle, source)
    if all(facts(certificate).is_ca for certificate in found):
        bundle = account.api.download(order_id, "pem_server") + b"\n" + bundle
    return bundle


def _surplus(bundle: bytes, names: Sequence[str]) -> list[str]:
    """Names of the certificate that the CA gave away."""
    leaf = next((each for each in map(facts, load.certificates(bundle, "the certificate")) if not each.is_ca), None)
    return sorted(match.twins(names) & set(leaf.names)) if leaf else []


def store_set(account: Account, store: SetStore, item: Item, order: Row, delivered: Delivered, live_key: bool) -> None:
    """Makes it the live version of its set. ``live_key``: it is the provider's own reissue, for the key that is live.

    ``order.json`` says until the switch that the version is not finished, as for ACME orders.
    """
    with files.lock(store.directory(item.name)):
        if files.read_link(store.file(item.name, CURRENT)) == delivered.leaf.serial:
            return  # another run was faster
        if live_key:
            key, request = (store.content(item.name, CURRENT, file) for file in (KEY, REQUEST))
            store.open_pending(item.name, key, request)
        key = store.content(item.name, PENDING, KEY)
        if key_facts(load.private_key(key, KEY)).public_key != delivered.leaf.public_key:
            raise StateError("the key of %s changed while its certificate was fetched" % item.name, hint="Run again.")
        meta = {
            "name": item.name,
            "directory_url": None,
            "profile": item.product_code,
            "provider": "sslmarket",
            "api_url": account.journal.api_url,
            "order_id": order.order_id,
            "order_row": row_of(order),
            "extra_names": list(delivered.extra),
            "created": iso(account.clock.now()),
            **delivered.leaf.show(),
        }
        store.save_order(item.name, {"order_id": order.order_id, "api_url": account.journal.api_url})
        store.store_issued(item.name, delivered.proven, meta)
        store.promote(item.name)


def row_of(order: Row) -> dict[str, Any]:
    """What would change in the list when the order does."""
    return {"state": order.state, "published": order.published, "expired": order.expired}


def write_files(account: Account, order: Row, delivered: Delivered, targets: Targets) -> None:
    """Each file is replaced by one rename; the one with the chain comes last, so that it is complete when it is new."""
    bundle = _p7b(account, order, delivered) if targets.p7b_path else b""
    for target, content in (
        (targets.p7b_path, bundle),
        (targets.path, delivered.proven.cert_pem),
        (targets.fullchain_path, delivered.proven.fullchain_pem),
    ):
        if target:
            files.make_directory(os.path.dirname(os.path.abspath(target)), 0o755)
            files.write(target, content, files.PUBLIC)


def _p7b(account: Account, order: Row, delivered: Delivered) -> bytes:
    """The chain of our leaf and nothing else, up to the root that the provider puts into it."""
    source = "the p7b of order %d" % order.order_id
    found = pkcs7.certificates(account.api.download(order.order_id, "p7b"), source)
    leaf = [certificate for certificate in found if facts(certificate).fingerprint == delivered.leaf.fingerprint]
    if not leaf:
        raise VerifyError(
            "%s does not hold the certificate that the PEM files hold" % source, hint="Run again.", check="p7b"
        )
    return pkcs7.encode(path.build(leaf[0], found, source))


def on_disk(targets: Targets) -> tuple[Facts | None, str | None]:
    """The certificate that is there, and what is missing or damaged, in words."""
    found: list[Facts] = []
    for target in targets.all():
        content = files.read(target)
        if content is None:
            return (found[0] if found else None), "%s does not exist" % target
        try:
            found.append(_leaf_of(content, target, target == targets.p7b_path))
        except InvalidData:
            return None, "%s cannot be read" % target
    if len({each.fingerprint for each in found}) > 1:
        return None, "the files hold different certificates"
    return (found[0], None) if found else (None, "there is no certificate yet")


def _leaf_of(content: bytes, source: str, p7b: bool) -> Facts:
    found = map(facts, pkcs7.certificates(content, source) if p7b else load.certificates(content, source))
    leaf = next((each for each in found if not each.is_ca), None)
    if leaf is None:
        raise InvalidData("%s has no certificate of a server" % source)
    return leaf


def targets_of(entry: Mapping[str, Any]) -> Targets:
    return Targets(entry.get("path"), entry.get("fullchain_path"), entry.get("p7b_path"))


def show(leaf: Facts | None) -> dict[str, Any]:
    return {
        "serial": leaf.serial if leaf else None,
        "names": list(leaf.names) if leaf else [],
        "issuer": leaf.issuer if leaf else None,
        "key_type": leaf.key_type if leaf else None,
        "not_before": iso(leaf.not_before) if leaf else None,
        "not_after": iso(leaf.not_after) if leaf else None,
        "fingerprint": leaf.fingerprint if leaf else None,
    }
