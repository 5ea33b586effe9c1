# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate after another source: its OCSP responders, then its CRLs, then the staple that is at hand.

What settles it, ends it. What does not is kept as an attempt, and never turned into ``good``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._core.clock import Clock
from .._core.errors import CollectionError, InvalidData, LockedError, ProtocolError, StateError
from . import answer, crl
from .addresses import NotAllowed
from .crl_store import CrlStore
from .inputs import Subject
from .model import INVALID, NOT_CHECKABLE, UNREACHABLE, Verdict, conclude
from .request import Question, get_url, new_nonce
from .transport import Reply, Transport

if TYPE_CHECKING:
    from cryptography import x509

_ACCEPT = "application/ocsp-response"
_CONTENT_TYPE = "application/ocsp-request"


@dataclass(frozen=True)
class Checked:
    """``answered``: the verdict of an OCSP responder that settles it, for a staple."""

    subject: Subject
    verdict: Verdict
    attempts: tuple[Verdict, ...] = ()
    answered: Verdict | None = None


class Checker:
    def __init__(self, transport: Transport, lists: CrlStore, clock: Clock, crl_fallback: bool) -> None:
        self._transport = transport
        self._lists = lists
        self._clock = clock
        self._crl_fallback = crl_fallback
        self._plain: set[str] = set()  # responders that answer to nothing but the plainest form

    def lane(self, subject: Subject) -> str:
        """Whom it is going to ask first."""
        urls = subject.ocsp_urls or tuple(url for point in subject.points for url in point.urls)
        try:
            return self._transport.origin(urls[0]) if urls and not subject.obstacle else ""
        except NotAllowed:
            return ""

    def check(self, subject: Subject, staple: Verdict | None = None) -> Checked:
        """``staple``: what the staple at hand says. It counts where nobody says anything that is proven."""
        leaf, issuer = subject.leaf, subject.issuer
        if subject.obstacle or leaf is None or issuer is None:
            return Checked(subject, Verdict(NOT_CHECKABLE, subject.obstacle or "there is no certificate"))
        attempts: list[Verdict] = []
        answered = None
        for url in subject.ocsp_urls:
            attempts.append(self._ocsp(url, leaf, issuer, subject.item.staple_path is not None))
            if attempts[-1].settled:
                answered = attempts[-1]
                break
        if answered is None and self._crl_fallback:
            attempts += self._crls(subject, leaf, issuer)
        if staple is not None and staple.settled and not any(attempt.verified for attempt in attempts):
            attempts.append(staple)
        if not attempts:
            attempts.append(Verdict(NOT_CHECKABLE, "the certificate names no OCSP responder, and crl_fallback is off"))
        return Checked(subject, conclude(attempts), tuple(attempts), answered)

    # -- OCSP ------------------------------------------------------------------------------------------------------------

    def _ocsp(self, url: str, leaf: x509.Certificate, issuer: x509.Certificate, for_staple: bool) -> Verdict:
        """A staple is for everybody: it is asked for without a nonce, as servers do (RFC 5019 section 2.1.1)."""
        if url in self._plain:
            verdict, refused = self._asked(url, Question(leaf, issuer), None)
            return replace(verdict, source="ocsp", url=url)
        question = Question(leaf, issuer, None if for_staple else new_nonce())
        verdict, refused = self._asked(url, question, get_url(url, question.encoded))
        if refused:
            # Some responders know no GET, and those that serve files know no nonce.
            verdict, refused = self._asked(url, Question(leaf, issuer), None)
            if verdict.verified:
                self._plain.add(url)
        return replace(verdict, source="ocsp", url=url)

    def _asked(self, url: str, question: Question, get: str | None) -> tuple[Verdict, bool]:
        """The verdict, and whether the request itself was refused."""
        try:
            reply = self._ask(url, question, get)
        except CollectionError as error:
            return no_answer(error), False
        problem = reply.problem()
        if problem is not None:
            return Verdict(UNREACHABLE, problem), reply.refused()
        verdict = answer.judge(reply.body, question, self._clock.now())
        return verdict, answer.refused(verdict)

    def _ask(self, url: str, question: Question, get: str | None) -> Reply:
        if get is not None:
            return self._transport.fetch(get, accept=_ACCEPT, limit=answer.LIMIT)
        return self._transport.fetch(
            url, question.encoded, accept=_ACCEPT, limit=answer.LIMIT, content_type=_CONTENT_TYPE
        )

    # -- CRLs ------------------------------------------------------------------------------------------------------------

    def _crls(self, subject: Subject, leaf: x509.Certificate, issuer: x509.Certificate) -> list[Verdict]:
        attempts: list[Verdict] = []
        for point in subject.points:
            for url in point.urls[:3]:
                attempts.append(replace(self._crl(url, point, leaf, issuer), source="crl", url=url))
                if attempts[-1].settled:
                    return attempts
        return attempts

    def _crl(self, url: str, point: crl.Point, leaf: x509.Certificate, issuer: x509.Certificate) -> Verdict:
        try:
            found = self._lists.get(url, issuer)
            verdict = crl.judge(found.crl, leaf, point, self._clock.now())
        except InvalidData as error:
            return Verdict(INVALID, error.message)
        except (StateError, LockedError):
            raise  # the directory for copies is the user's business, and says nothing of the certificate
        except CollectionError as error:
            return no_answer(error)
        return replace(verdict, cached=found.cached)


def no_answer(error: CollectionError) -> Verdict:
    """What a failed request says: nothing was allowed to be asked, something came that is no answer, or nothing came."""
    if isinstance(error, NotAllowed):
        return Verdict(NOT_CHECKABLE, error.message)
    if isinstance(error, ProtocolError):
        return Verdict(INVALID, error.message)
    return Verdict(UNREACHABLE, error.message)
