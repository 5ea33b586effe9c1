# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of paid orders: what we were about to buy, what became of it, and what was asked for an order afterwards.

``docs/development/ordering.md`` draws its files. It is the only defence against buying twice where the provider has no idempotency key: a
purchase is on disk before its request is sent, and a journal that cannot be read or written stops the purchase.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Iterator, Sequence

from .._core import files
from .._core.clock import SYSTEM, Clock, parse_iso
from .._core.errors import StateError
from .._core.names import file_name

VERSION = 1
INTENT, UNKNOWN, PLACED = "intent", "unknown", "placed"
REFUSED, LOST = "refused", "lost"
_STATES = (INTENT, UNKNOWN, PLACED, REFUSED, LOST)
_FILE = re.compile(r"[0-9]{4}\.json")
_MOST = 9999


@dataclass(frozen=True)
class Purchase:
    """``public_key``: of the CSR, ``None`` for products without one. ``seen``: orders of the subject that were there before.

    ``since`` is the time of the latest intent, ``looked`` that of the first look-up after it that found nothing. ``sent`` is the digest of what was
    sent, ``contacts`` that of its contacts. ``adopted``: an order that was not placed from here. A purchase is ``lost`` when its request left no trace.
    """

    api_url: str
    product_code: str
    names: tuple[str, ...]
    state: str
    since: str
    public_key: str | None = None
    seen: tuple[int, ...] = ()
    order_id: int | None = None
    looked: str | None = None
    sent: str | None = None
    contacts: str | None = None
    years: int | None = None
    adopted: bool = False
    problem: str | None = None
    number: int = 0

    @property
    def open(self) -> bool:
        return self.state in (INTENT, UNKNOWN)

    @property
    def bought(self) -> bool:
        """Whether it cost money, or may have."""
        return self.state not in (REFUSED, LOST) and not self.adopted


@dataclass(frozen=True)
class Note:
    """What was asked for an order, and how it looked when we had its certificate (``row``, ``serial``).

    ``reissue``: ``{key, since, serial}``; ``revoked``: ``{serial, at}``.
    """

    api_url: str
    reissue: dict[str, Any] | None = None
    revoked: dict[str, Any] | None = None
    row: dict[str, Any] | None = None
    serial: str | None = None


class Journal:
    def __init__(self, path: str, api_url: str, clock: Clock = SYSTEM) -> None:
        self.path = path
        self.api_url = api_url
        self._clock = clock

    # -- purchases ---------------------------------------------------------------------------------------------------

    def directory(self, product_code: str, names: Sequence[str]) -> str:
        """One for each product and set of names, in whatever order they are given; one of them makes it readable."""
        ordered = sorted(names)
        subject = "\n".join([product_code.lower(), *ordered])
        digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return os.path.join(self.path, "purchases", "%s-%s" % (file_name(ordered[0]), digest))

    def purchases(self, product_code: str, names: Sequence[str]) -> list[Purchase]:
        """All of them, oldest first; ``StateError`` when one cannot be understood."""
        directory = self.directory(product_code, names)
        found = [self._purchase(os.path.join(directory, entry)) for entry in _entries(directory)]
        for purchase in found:
            if purchase.product_code.lower() != product_code.lower() or set(purchase.names) != set(names):
                raise _damaged(directory, "is for another product or other names")
        return found

    @contextmanager
    def lock(self, product_code: str, names: Sequence[str], wait: float) -> Iterator[None]:
        directory = self.directory(product_code, names)
        files.make_directory(directory)
        with files.lock(directory, wait, self._clock):
            yield

    def record(self, purchase: Purchase) -> Purchase:
        """Keeps a purchase, durably: a new one gets its number. The caller holds the lock."""
        directory = self.directory(purchase.product_code, purchase.names)
        if not purchase.number:
            entries = _entries(directory)
            purchase = replace(purchase, number=int(entries[-1][:4]) + 1 if entries else 1)
        if purchase.number > _MOST:
            raise StateError("the journal %s is full" % directory)
        self._write(os.path.join(directory, "%04d.json" % purchase.number), asdict(purchase))
        return purchase

    def order_ids(self) -> set[int]:
        """The orders of all subjects."""
        root = os.path.join(self.path, "purchases")
        paths = [
            os.path.join(root, subject, entry)
            for subject in _names(root)
            for entry in _entries(os.path.join(root, subject))
        ]
        found = [self._purchase(path).order_id for path in paths]
        return {order_id for order_id in found if order_id is not None}

    @contextmanager
    def order_lock(self, order_id: int, wait: float) -> Iterator[None]:
        """Two runs do not ask for the same reissue."""
        directory = os.path.dirname(self._note_path(order_id))
        files.make_directory(directory)
        with files.lock(directory, wait, self._clock):
            yield

    def begin(self, purchase: Purchase, most_a_day: int) -> Purchase:
        """The intent to buy, written only if the day's limit allows it, and before anything is sent."""
        with files.lock(self.path, clock=self._clock):
            count = self.bought_within(timedelta(days=1))
            if count >= most_a_day:
                raise over_limit(count, 1, most_a_day)
            return self.record(purchase)

    def bought_within(self, period: timedelta) -> int:
        """How many purchases were begun in the last ``period``, of all subjects, whatever became of them but a refusal."""
        start = self._clock.now() - period
        root = os.path.join(self.path, "purchases")
        count = 0
        for subject in _names(root):
            for entry in _entries(os.path.join(root, subject)):
                purchase = self._purchase(os.path.join(root, subject, entry))
                count += purchase.bought and parse_iso(purchase.since) >= start
        return count

    # -- notes on orders ---------------------------------------------------------------------------------------------

    def note(self, order_id: int) -> Note:
        path = self._note_path(order_id)
        value = self._read(path)
        if value is None:
            return Note(self.api_url)
        known: dict[str, Any] = {each.name: value.get(each.name) for each in fields(Note)}
        if not all(isinstance(known[name], (dict, type(None))) for name in ("reissue", "revoked", "row")):
            raise _damaged(path, "has members that make no sense")
        return Note(**known)

    def save_note(self, order_id: int, note: Note) -> None:
        files.make_directory(os.path.dirname(self._note_path(order_id)))
        self._write(self._note_path(order_id), asdict(note))

    def _note_path(self, order_id: int) -> str:
        return os.path.join(self.path, "orders", str(order_id), "note.json")

    # -- files -------------------------------------------------------------------------------------------------------

    def _purchase(self, path: str) -> Purchase:
        value = self._read(path)
        if value is None:
            raise _damaged(path, "went away")
        try:
            known = {each.name: value[each.name] for each in fields(Purchase)}
            known["names"], known["seen"] = tuple(known["names"]), tuple(known["seen"])
            parse_iso(known["since"])
            if known["looked"] is not None:
                parse_iso(known["looked"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _damaged(path, "has not the members it should have") from None
        purchase = Purchase(**known)
        if not _sensible(purchase) or os.path.basename(path) != "%04d.json" % purchase.number:
            raise _damaged(path, "has members that make no sense")
        return purchase

    def _read(self, path: str) -> dict[str, Any] | None:
        value = files.read_json(path)
        if value is None:
            return None
        if value.get("version") != VERSION:
            raise _damaged(path, "is of version %r, not %d" % (value.get("version"), VERSION))
        if value.get("api_url") != self.api_url:
            raise StateError(
                "the journal %s belongs to %s, not %s" % (self.path, value.get("api_url"), self.api_url),
                hint="Give each account a journal_dir of its own.",
            )
        return value

    def _write(self, path: str, value: dict[str, Any]) -> None:
        try:
            files.write_json(path, {"version": VERSION, **value})
        except OSError as error:
            raise StateError(
                "the journal cannot be written: %s (%s)" % (path, error.strerror or type(error).__name__),
                hint="Make journal_dir writable and run again: nothing is bought without it.",
            ) from None


def is_whole(value: object) -> bool:
    """A whole number; to Python, true and false are two of them."""
    return isinstance(value, int) and not isinstance(value, bool)


def _sensible(purchase: Purchase) -> bool:
    """Members of the right types, and an order's number where there is an order, and nowhere else."""
    texts = (purchase.public_key, purchase.sent, purchase.contacts, purchase.problem)
    placed = purchase.state == PLACED
    return (
        purchase.state in _STATES
        and bool(purchase.names)
        and all(isinstance(text, str) for text in (purchase.product_code, *purchase.names))
        and all(text is None or isinstance(text, str) for text in texts)
        and all(is_whole(number) for number in (*purchase.seen, purchase.number))
        and (is_whole(purchase.order_id) if placed else purchase.order_id is None)
        and (purchase.years is None or is_whole(purchase.years))
        and isinstance(purchase.adopted, bool)
    )


def over_limit(begun: int, needed: int, most: int) -> StateError:
    return StateError(
        "%d orders would be placed, and %d were begun in the last 24 hours: more than max_orders_per_day allows (%d)"
        % (needed, begun, most),
        hint="Raise max_orders_per_day if this many are meant: nothing was ordered.",
    )


def settled(purchases: Sequence[Purchase], abandoned: Sequence[int] = ()) -> Purchase | None:
    """The newest purchase with a known order that still counts."""
    counted = [each for each in purchases if each.order_id is not None and each.order_id not in abandoned]
    return next((each for each in reversed(counted) if each.state == PLACED), None)


def unresolved(purchases: Sequence[Purchase]) -> Purchase | None:
    """The purchase that nobody knows the outcome of; there is one at most, for no other is begun before it is resolved."""
    return next((each for each in reversed(purchases) if each.open), None)


def too_soon(purchases: Sequence[Purchase], now: datetime, abandoned: Sequence[int] = ()) -> Purchase | None:
    """A purchase that is younger than half of its term: whatever seems to be wrong with it, another one would not mend it."""
    for purchase in reversed(purchases):
        half = timedelta(days=365) * (purchase.years or 1) / 2
        if purchase.bought and purchase.order_id not in abandoned and now - parse_iso(purchase.since) < half:
            return purchase
    return None


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def _entries(directory: str) -> list[str]:
    return [entry for entry in _names(directory) if _FILE.fullmatch(entry)]


def _damaged(path: str, what: str) -> StateError:
    return StateError(
        "%s %s" % (path, what),
        hint="Nothing is bought as long as the journal cannot be trusted. Restore it from a backup, or move it away after you have "
        "looked at the orders in the account.",
    )


def digest(value: Any) -> str:
    """Of what was sent, without keeping it: it may hold a voucher."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode("utf-8")).hexdigest()
