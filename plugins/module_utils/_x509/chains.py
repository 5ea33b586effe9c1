# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses one of the chains a server offers for the same certificate (RFC 8555 section 7.4.2)."""

from __future__ import annotations

from typing import NamedTuple

from .._core.errors import InvalidData
from . import load
from .facts import facts


class Choice(NamedTuple):
    chain: bytes
    matched: bool


def choose(chains: list[bytes], preferred_issuer: str | None) -> Choice:
    """The first full chain whose topmost certificate was issued by ``preferred_issuer``, a common name; else the first one.

    This is the rule of certbot's ``--preferred-chain``. ``matched`` is false when there was a wish that no chain fulfils.
    """
    if not chains:
        raise InvalidData("the server offers no certificate chain")
    if preferred_issuer is None:
        return Choice(chains[0], True)
    for number, chain in enumerate(chains, 1):
        topmost = load.certificates(chain, "chain %d of the order" % number)[-1]
        if facts(topmost).issuer_cn == preferred_issuer:
            return Choice(chain, True)
    return Choice(chains[0], False)
