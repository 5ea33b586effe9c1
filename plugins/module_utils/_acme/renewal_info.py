# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the ACME server wants certificates renewed (RFC 9773), asked no more often than it allows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .._core import files, pool
from .._core.clock import SYSTEM, Clock, iso, parse_iso
from .._core.errors import CollectionError, InvalidData, clean
from .._http.retry import retry_after
from .._sets import decide
from .._sets.store import CERT, Live, SetStore
from .._sets.wanted import Wanted, from_params
from .client import AcmeClient, Clients

# RFC 9773 section 4.3: the wanted interval is kept within a minute and a day; six hours where the server does not say.
_SHORTEST, _LONGEST, _USUAL = 60.0, 86400.0, 6 * 3600.0


class RenewalInfo:
    """Reads windows, keeps them in ``renewal.json`` beside the sets, and never changes anything else."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock

    def look(self, params: dict[str, Any], may_write: bool) -> dict[str, Any]:
        store = SetStore(params["sets_path"])
        options = (params["timeout"], params["ca_path"], self._clock)
        clients = Clients(lambda: AcmeClient(params["directory_url"], None, None, *options))

        def ask(wanted: Wanted) -> dict[str, Any]:
            live = store.live(wanted.name)
            if live is not None and may_write and is_due(store.renewal(wanted.name), live, self._clock.now()):
                with files.lock(store.directory(wanted.name)):
                    live = store.live(wanted.name)  # another run may have been faster
                    if live is not None and is_due(store.renewal(wanted.name), live, self._clock.now()):
                        refresh(clients.get(), store, wanted, self._clock)
            return _show(wanted, live, store.renewal(wanted.name), self._clock.now())

        outcomes = pool.each(ask, from_params(params), params["workers"])
        pool.raise_failures(outcomes, lambda wanted: wanted.name)
        return {"certificates": [outcome.value for outcome in outcomes]}


def is_due(renewal: dict[str, Any] | None, live: Live, now: datetime) -> bool:
    """Whether the server may be asked again; never after the certificate has expired (section 4.3.3)."""
    if live.leaf.not_after < now:
        return False
    if renewal is None or renewal.get("serial") != live.serial:
        return True
    return parse_iso(str(renewal["ask_again"])) <= now


def refresh(client: AcmeClient, store: SetStore, wanted: Wanted, clock: Clock) -> None:
    """Asks for the window of the live version and notes the answer. The caller holds the lock of the set.

    A server that has no such service, no answer or a bad one is no failure: the share of the lifetime decides then (section 4.3.3). What it
    said is kept in ``problem`` for the user to see.
    """
    live = store.live(wanted.name)
    if live is None:
        return
    note: dict[str, Any] = {"serial": live.serial, "start": None, "end": None, "explanation_url": None, "problem": None}
    pause = _USUAL
    try:
        found, pause = _ask(client, store, wanted, live, clock)
        note.update(found)
    except CollectionError as error:
        note["problem"] = error.message
    store.save_renewal(wanted.name, {**note, "ask_again": iso(clock.now() + timedelta(seconds=pause))})


def _ask(client: AcmeClient, store: SetStore, wanted: Wanted, live: Live, clock: Clock) -> tuple[dict[str, Any], float]:
    from .._x509 import ari, load
    from .._x509.window import parse_window

    base = client.directory().get("renewalInfo")
    if not isinstance(base, str):
        return {"problem": "the directory has no renewalInfo"}, _LONGEST
    certificate = load.certificates(store.content(wanted.name, live.serial, CERT), wanted.name)[0]
    identifier = ari.certificate_id(certificate)
    if identifier is None:
        return {"problem": "the certificate has no authority key identifier"}, _LONGEST
    answer = client.read_plain(base.rstrip("/") + "/" + identifier)
    asked = retry_after(client.last_headers.get("Retry-After"), clock.now())
    try:
        window = parse_window(answer)
    except InvalidData as error:
        return {"problem": error.message}, _USUAL
    pause = _USUAL if asked is None else min(max(asked, _SHORTEST), _LONGEST)
    explanation = answer.get("explanationURL")
    return {
        "start": iso(window.start),
        "end": iso(window.end),
        "explanation_url": clean(explanation) if isinstance(explanation, str) else None,
    }, pause


def _show(wanted: Wanted, live: Live | None, renewal: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    known = renewal if renewal is not None and live is not None and renewal.get("serial") == live.serial else {}
    window = decide.window_of(known or None, live)
    return {
        "name": wanted.name,
        "serial": live.serial if live else None,
        "start": known.get("start"),
        "end": known.get("end"),
        "explanation_url": known.get("explanation_url"),
        "problem": known.get("problem"),
        "ask_again": known.get("ask_again"),
        "renew_at": iso(decide.age(wanted, live, window, now).at) if live else None,
    }
