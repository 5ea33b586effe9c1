# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the certificates of a bundle in order: the leaf, then each one's issuer. Every link is proven by its signature."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .._core.errors import InvalidData, VerifyError, clean
from .guard import guard

if TYPE_CHECKING:
    from cryptography import x509


def build(leaf: x509.Certificate, bundle: list[x509.Certificate], source: str) -> list[x509.Certificate]:
    """The leaf's chain as far as the bundle has it. A certificate of the bundle that is not in it is refused.

    One exception: a root beside a cross-certificate of the same CA (same name, same key). Either would do; the chain takes the
    cross-certificate, as the CA meant it, and the root is left out as all roots are.
    """
    chain = [leaf]
    rest = [certificate for certificate in bundle if certificate != leaf]
    while not self_signed(chain[-1]):
        issuer = _issuer(chain[-1], rest, source)
        if issuer is None:
            break
        chain.append(issuer)
        rest.remove(issuer)
    for certificate in rest:
        if not (self_signed(certificate) and any(_same_ca(certificate, other) for other in chain[1:])):
            raise VerifyError(
                "%s: %s does not belong to the chain of %s" % (source, _name(certificate), _name(leaf)),
                hint="Either an intermediate certificate is missing, or a foreign one is in the bundle.",
                check="foreign",
            )
    return chain


def weak_digest(certificate: x509.Certificate) -> str | None:
    """``cryptography`` does not verify signatures made with these, so the links cannot be proven."""
    digest = certificate.signature_hash_algorithm
    return {"md5": "MD5", "sha1": "SHA-1"}.get(digest.name) if digest is not None else None


def self_signed(certificate: x509.Certificate) -> bool:
    """Old roots signed themselves with SHA-1. A signature of a key on itself proves nothing, so that does not matter."""
    if certificate.subject != certificate.issuer:
        return False
    return weak_digest(certificate) is not None or issued(certificate, certificate)


@lru_cache(maxsize=256)  # the upper links are those of many sets
def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Name and signature fit."""
    try:
        with guard("chain", "link not proven"):
            certificate.verify_directly_issued_by(issuer)
    except InvalidData:  # a wrong signature, another name, an algorithm that does not fit the key
        return False
    return True


def _issuer(certificate: x509.Certificate, rest: list[x509.Certificate], source: str) -> x509.Certificate | None:
    named = [other for other in rest if other.subject == certificate.issuer]
    fitting = [other for other in named if issued(certificate, other)]
    if named and not fitting:
        raise VerifyError(
            "%s: %s is not signed by the key of its issuer %s" % (source, _name(certificate), _name(named[0])),
            hint="The bundle mixes certificates of different chains, or was altered.",
            check="signature",
        )
    return min(fitting, key=self_signed, default=None)


def _same_ca(one: x509.Certificate, other: x509.Certificate) -> bool:
    return one.subject == other.subject and one.public_key() == other.public_key()


def _name(certificate: x509.Certificate) -> str:
    return '"%s"' % clean(certificate.subject.rfc4514_string(), 100)
