# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``certificate_plan``, what the sets say of today, and the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping

from .._core.clock import SYSTEM, Clock, parse_iso
from .._core.errors import UsageError
from .._renewal import durations, lifetimes, policy
from .._renewal.decision import Window
from .._renewal.limits import Limits
from .._sets.store import SetStore
from . import show
from .advice import Setting, advise
from .model import CONTROLLER, DAY, Certificate, Issuer, Outage, Scenario
from .simulate import simulate

_USUAL = 730 * DAY
_LONGEST = 10 * 366 * DAY
_LAST_YEAR = 9900
_SHORTEST, _RAREST = timedelta(hours=1), 92 * DAY


class PlanInfo:
    """Reads dates of live certificates, and nothing else; the rest is thought."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock

    def look(self, params: dict[str, Any], may_write: bool) -> dict[str, Any]:
        setting = setting_of(params, self._clock.now())
        outcome = simulate(setting.scenario, setting.issuers, setting.certificates)
        advice = advise(setting, outcome) if params["advice"] else []
        plan = show.data(setting, outcome, advice)
        return {"plan": plan, "lines": show.lines(plan)}


def setting_of(params: Mapping[str, Any], now: datetime) -> Setting:
    """``UsageError`` for what cannot be meant, also where it would take for ever."""
    scenario = _scenario(params, now)
    levels: dict[str, dict[str, Any]] = {}
    issuers: dict[str, Issuer] = {}
    for entry in params["issuers"]:
        levels[entry["name"]] = _checked(entry, "issuers", of_certificate=False)
        issuers[entry["name"]] = _issuer(entry, levels[entry["name"]])
    store = SetStore(params["sets_path"]) if params["sets_path"] else None
    certificates: dict[str, Certificate] = {}
    for entry in params["certificates"]:
        name = entry["name"]
        if entry["issuer"] not in issuers:
            raise UsageError("certificates (%s): there is no issuer %s" % (name, entry["issuer"]))
        if name in certificates:
            raise UsageError("certificates (%s): the name is used twice" % name)
        own = policy.build(levels[entry["issuer"]], _checked(entry, "certificates", of_certificate=True))
        hosts = tuple(dict.fromkeys(entry["hosts"] or ())) or (CONTROLLER,)
        certificates[name] = Certificate(name, entry["issuer"], own, hosts, **_today(store, name))
    for outage in scenario.outages:
        if outage.issuer not in issuers:
            raise UsageError("outages: there is no issuer %s" % outage.issuer)
    found = tuple(certificates.values())
    return Setting(scenario, {name: _observed(issuers[name], found, scenario.start) for name in issuers}, found)


def _scenario(params: Mapping[str, Any], now: datetime) -> Scenario:
    start = _moment("start", params["start"]) if params["start"] else now.replace(microsecond=0)
    until = _moment("end", params["end"]) if params["end"] else start + _USUAL
    if not start < until <= start + _LONGEST:
        raise UsageError("end is not after start, or more than ten years later")
    try:
        interval = durations.parse(params["interval"])
    except UsageError as error:
        raise UsageError("interval " + error.message) from None
    if not _SHORTEST <= interval <= _RAREST:
        raise UsageError("interval is %s, not within 1h and 92d" % params["interval"])
    if not 0 <= params["hosts_down"] < 1 or not 1 <= params["hosts_down_days"] <= 365:
        raise UsageError("hosts_down is a share from 0 up to 1, and hosts_down_days within 1 and 365")
    outages = []
    for entry in params["outages"] or ():
        begin = _moment("outages start", entry["start"])
        if not 0 < entry["days"] <= 3650:
            raise UsageError("outages: days is %s, not more than 0 and up to 3650" % entry["days"])
        outages.append(Outage(entry["issuer"], begin, begin + entry["days"] * DAY))
    down = (params["hosts_down"], params["hosts_down_days"])
    return Scenario(start, until, interval, tuple(outages), *down, params["seed"])


def _moment(option: str, text: str) -> datetime:
    """A time with a zone, or a date, which means its midnight in UTC."""
    try:
        date = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc) if len(text) == 10 else None
        moment = date or parse_iso(text)
        if moment.year > _LAST_YEAR:
            raise ValueError("there would be no times left to count with")
        return moment
    except (ValueError, OverflowError):
        raise UsageError("%s is %s; write it like 2029-03-15 or 2029-03-15T06:00:00Z" % (option, text)) from None


def _checked(entry: Mapping[str, Any], option: str, of_certificate: bool) -> dict[str, Any]:
    try:
        return policy.check(entry["renewal"] or {}, of_certificate)
    except UsageError as error:
        raise UsageError("%s (%s): renewal %s" % (option, entry["name"], error.message), hint=error.hint) from None


def _issuer(entry: Mapping[str, Any], level: Mapping[str, Any]) -> Issuer:
    life = entry["lifetime_days"]
    if life is not None and not 1 <= life <= 3650:
        raise UsageError("issuers (%s): lifetime_days is %d, not within 1 and 3650" % (entry["name"], life))
    limits = Limits(level.get("weekly_limit"), level.get("ca_weekly_limit"))
    return Issuer(entry["name"], entry["public"], life * DAY if life is not None else None, limits)


def _today(store: SetStore | None, name: str) -> dict[str, Any]:
    """Dates of the live version, as its record has them: thousands of certificates need not be opened for it."""
    meta = store.meta(name) if store is not None else None
    if store is None or meta is None:
        return {}
    try:
        found: dict[str, Any] = {each: parse_iso(meta[each]) for each in ("not_before", "not_after")}
        noted = store.renewal(name)
        if noted is not None and noted["start"] is not None and noted["serial"] == meta["serial"]:
            found["window"] = Window(parse_iso(noted["start"]), parse_iso(noted["end"]))
        return found
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(
            "the record of the live version of %s has no dates" % name, hint="Restore its meta.json."
        ) from None


def _observed(issuer: Issuer, certificates: tuple[Certificate, ...], start: datetime) -> Issuer:
    """An issuer that does not say how long its certificates live does as it did last, but for what public CAs may do no longer."""
    if issuer.life is not None:
        return issuer
    lives = [
        (each.not_before, each.not_after - each.not_before)
        for each in certificates
        if each.issuer == issuer.name and each.not_before is not None and each.not_after is not None
    ]
    latest = max(lives)[1] if lives else None
    if latest is None or (issuer.public and latest >= lifetimes.longest(start) - DAY):
        return issuer
    return replace(issuer, life=min(latest, _LONGEST))
