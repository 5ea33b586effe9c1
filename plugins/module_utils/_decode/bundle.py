# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the certificates of one file belong together: the chain's order, and what is wrong with it.

``_x509/verify.py`` decides what may be deployed; this only tells what is there. Links are proven by their signatures where these can be
checked. Which root a client trusts is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from .._core.errors import InvalidData
from .._x509.guard import guard
from .certificate import load
from .signatures import issued

if TYPE_CHECKING:
    from cryptography import x509

    Shown = Mapping[str, Any]

# clients follow no longer ones; and what a file can make us check stays little
_LONGEST = 10
_TRIED = 5


class Chain:
    """``shown`` are the certificates as decoded, ``ders`` their bytes."""

    def __init__(self, shown: Sequence[Shown], ders: Sequence[bytes]) -> None:
        self._shown = shown
        self._loaded = [load(der) for der in ders]
        self._names = [_names(certificate) for certificate in self._loaded]
        self._by_subject: dict[x509.Name, list[int]] = {}
        for index, names in enumerate(self._names):
            if names:
                self._by_subject.setdefault(names[0], []).append(index)
        self.problems: list[dict[str, Any]] = []

    def show(self, ordered: bool) -> dict[str, Any] | None:
        """``None`` for a collection of CA certificates, such as the system's, which is no chain."""
        first = self._start()
        if first is None:
            return None
        order = self._follow(first)
        self._look_at_order(order, ordered)
        for place, index in enumerate(order[1:]):
            self._look_at_issuer(index, place)
        last = self._shown[order[-1]]
        ends_with = "root" if last["self_signed"] else "ca" if last["is_ca"] else "leaf"
        if ends_with == "leaf":
            text = "its issuer is not in the file; right only if a root signed it directly"
            self._problem("missing_intermediate", order[-1], text)
        return {"order": order, "ends_with": ends_with, "problems": self.problems}

    def _problem(self, code: str, index: int, text: str) -> None:
        self.problems.append({"code": code, "index": index, "text": "certificate %d: %s" % (index, text)})

    def _start(self) -> int | None:
        """The first one that is not a CA's; else the only one that nothing here was issued by."""
        for index, each in enumerate(self._shown):
            if not each["is_ca"] and not each["self_signed"]:
                return index
        issuers = {names[1] for names in self._names if names and names[0] != names[1]}
        tops = [index for index, names in enumerate(self._names) if not names or names[0] not in issuers]
        keys = {self._shown[index]["fingerprint"] for index in tops}
        return tops[0] if len(keys) == 1 else None

    def _follow(self, first: int) -> list[int]:
        order = [first]
        while len(order) < _LONGEST and not self._shown[order[-1]]["self_signed"]:
            found = self._issuer(order[-1], order)
            if found is None:
                break
            order.append(found)
        return order

    def _issuer(self, index: int, order: list[int]) -> int | None:
        """The one whose key signed it. A cross-certificate goes before a root of the same name."""
        names = self._names[index]
        named = [each for each in self._by_subject.get(names[1], ()) if each not in order] if names else []
        answers = {each: self._issued(index, each) for each in named[:_TRIED]}
        fitting = [each for each, answer in answers.items() if answer is not False]
        if answers and not fitting:
            self._problem("bad_signature", index, "not signed by the key of its issuer, certificate %d" % named[0])
        return min(fitting, key=lambda each: bool(self._shown[each]["self_signed"]), default=None)

    def _issued(self, index: int, issuer: int) -> bool | None:
        try:
            with guard("chain", "link not proven"):
                return issued(self._loaded[index], self._loaded[issuer], self._shown[issuer]["key_size"])
        except InvalidData:  # an algorithm that the library does not know
            return None

    def _look_at_order(self, order: list[int], ordered: bool) -> None:
        if ordered and (order != sorted(order) or order[0] != 0):
            text = "not in the order that servers send: leaf first, then the issuer of each (RFC 8446 section 4.4.2)"
            self._problem("wrong_order", order[0], text)
        seen = {self._shown[index]["fingerprint"]: index for index in order}
        cas = {(self._shown[index]["subject"], self._shown[index]["public_key"]) for index in order}
        for index, each in enumerate(self._shown):
            if index not in order and each["fingerprint"] in seen:
                self._problem("duplicate", index, "the same as certificate %d" % seen[each["fingerprint"]])
            elif index not in order and (each["subject"], each["public_key"]) not in cas:
                self._problem("foreign", index, "does not belong to the chain of certificate %d" % order[0])

    def _look_at_issuer(self, index: int, below: int) -> None:
        """``below``: how many CAs stand between it and the leaf (RFC 5280 section 4.2.1.9)."""
        shown = self._shown[index]
        for problem in shown["problems"]:
            if problem["code"] in ("expired", "not_yet_valid"):
                self._problem(problem["code"] + "_link", index, problem["text"])
        usage = shown["key_usage"] or ()
        if not shown["is_ca"] and shown["version"] != 1:
            self._problem("not_a_ca", index, "issued another one, and is not a CA")
        elif usage and "keyCertSign" not in usage:
            self._problem("not_a_ca", index, "issued another one, and may not sign certificates (key usage)")
        elif shown["path_length"] is not None and shown["path_length"] < below:
            self._problem("path_length", index, "may not have %d CAs below it" % below)


def _names(certificate: x509.Certificate) -> tuple[x509.Name, x509.Name] | None:
    """Subject and issuer; ``None`` for names that cannot be read, which belong to no chain."""
    try:
        with guard("chain", "names that cannot be read"):
            return certificate.subject, certificate.issuer
    except InvalidData:
        return None
