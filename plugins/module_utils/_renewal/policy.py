# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users say about renewals: ``certfleet_renewal``, ``renewal`` of an issuer or a certificate, and the options of modules (pure).

One mapping has the same keys everywhere; each level overrides what it names of the levels before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Mapping

from .._core import options
from .._core.errors import UsageError
from .._core.options import Option
from . import durations, freeze
from .freeze import Freeze

# When freezes and the user's own limit do not count any more: a week of 47 days, which outlasts an outage of some days.
HARD_STOP_SHARE = 0.15

# The default of modules, who write decimals: it means a third, to the second, as where nothing is said.
_THIRD_WRITTEN, _THIRD = 0.3333, 1 / 3

_MOST = 1000000
OF_CERTIFICATE = {
    "remaining_share": Option(options.share),
    "remaining_days": Option(options.integer(1, 3650)),
    "splay": Option(durations.within("0m", "13w")),
    "freezes": Option(freeze.check),
    "hard_stop_share": Option(options.share),
    "hard_stop_days": Option(options.integer(1, 3650)),
}
# An issuer has these, too.
LIMITS = {"weekly_limit": Option(options.integer(1, _MOST)), "ca_weekly_limit": Option(options.integer(1, _MOST))}
OPTIONS = {**OF_CERTIFICATE, **LIMITS}
# Ways to say the same: a level that names one of a pair drops the other one of the levels before it.
_PAIRS = (("remaining_share", "remaining_days"), ("hard_stop_share", "hard_stop_days"))


@dataclass(frozen=True)
class Policy:
    """Renew when less than ``remaining_share`` of the life is left; ``remaining_days``, when given, takes its place.

    A share fits certificates of any life: 30 days are a third of 90 days, but two thirds of 47. Days of about the whole life
    would order a certificate in (nearly) every run; days beyond two thirds of it do not count, and the share decides.

    ``splay``: renewals are earlier by up to this, each name by its own part of it. In ``freezes`` nothing is renewed, until less than
    ``hard_stop_share`` of the life is left, or less than ``hard_stop_days``.
    """

    remaining_share: float = _THIRD
    remaining_days: int | None = None
    splay: timedelta = timedelta(0)
    freezes: tuple[Freeze, ...] = field(default=())
    hard_stop_share: float = HARD_STOP_SHARE
    hard_stop_days: int | None = None

    def __post_init__(self) -> None:
        for name, share in (("remaining", self.remaining_share), ("hard stop's", self.hard_stop_share)):
            if not 0 < share < 1:
                raise UsageError("the %s share must lie between 0 and 1, not %r" % (name, share))
        for name, days in (("remaining", self.remaining_days), ("hard stop's", self.hard_stop_days)):
            if days is not None and days < 1:
                raise UsageError("the %s days must be 1 or more, not %r" % (name, days))

    def by_days(self, life: timedelta) -> bool:
        """Whether ``remaining_days`` decide about certificates of this life."""
        return self.remaining_days is not None and timedelta(days=self.remaining_days) * 3 <= life * 2

    def left(self, life: timedelta) -> timedelta:
        """What is left of the life when a certificate is to be replaced; without splay and freezes."""
        if self.remaining_days is not None and self.by_days(life):
            return timedelta(days=self.remaining_days)
        return life * self.remaining_share


def check(value: Any, of_certificate: bool = False) -> dict[str, Any]:
    """One level, checked; ``UsageError`` in the words of the inventory. It can be checked again, and sent as JSON."""
    known = OF_CERTIFICATE if of_certificate else OPTIONS
    if of_certificate and isinstance(value, Mapping):
        for name in LIMITS:
            if name in value:
                raise UsageError("%s is for issuers, not for single certificates" % name)
    found = options.entry(value, known)
    for pair in _PAIRS:
        if all(name in found for name in pair):
            raise UsageError("%s and %s exclude each other" % pair)
    for unit in ("share", "days"):
        stop, remaining = found.get("hard_stop_" + unit), found.get("remaining_" + unit)
        if stop is not None and remaining is not None and stop >= remaining:
            raise UsageError(
                "hard_stop_%s is %s, not less than remaining_%s (%s)" % (unit, stop, unit, remaining),
                hint="A hard stop is the moment from which a freeze does not count: it comes after the renewal is due.",
            )
    return found


def merge(*levels: Mapping[str, Any] | None) -> dict[str, Any]:
    """The levels as one, the later ones first."""
    found: dict[str, Any] = {}
    for level in levels:
        given = {name: value for name, value in (level or {}).items() if value is not None}
        for pair in _PAIRS:
            if any(name in given for name in pair):
                for name in pair:
                    found.pop(name, None)
        found.update(given)
    return found


def build(*levels: Mapping[str, Any] | None) -> Policy:
    """The policy of levels that are checked."""
    found = merge(*levels)
    named = {name: found[name] for pair in _PAIRS for name in pair if name in found}
    if named.get("remaining_share") == _THIRD_WRITTEN:
        named["remaining_share"] = _THIRD
    return Policy(
        splay=durations.parse(found.get("splay", "0m")),
        freezes=tuple(freeze.build(entry) for entry in found.get("freezes", ())),
        **named,
    )


def from_params(params: Mapping[str, Any], entry: Mapping[str, Any] | None = None) -> Policy:
    """Of a module: its options ``remaining_share``, ``remaining_days`` and ``renewal``, and ``renewal`` of one certificate."""
    try:
        own = check(params.get("renewal") or {})
    except UsageError as error:
        raise options.within("renewal", error) from None
    try:
        single = check((entry or {}).get("renewal") or {}, of_certificate=True)
    except UsageError as error:
        raise options.within("renewal", error) from None
    return build({name: params.get(name) for name in _PAIRS[0]}, own, single)
