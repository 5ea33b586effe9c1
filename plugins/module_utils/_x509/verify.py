# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether key, certificate and chain may be used together. A refusal names the check it failed: ``VerifyError.extra["check"]``.

====================  ==========================================================================
``key``               the certificate is for another key
``weak_key``          an RSA key below 2048 bits
``names``             names are missing, or there are others
``ca``                the certificate is a CA's
``usage``             its extended key usage does not allow a TLS server
``critical``          a critical extension that no TLS client knows, or a precertificate (RFC 6962)
``expired``           the certificate, or one it depends on, is past its end
``not_yet_valid``     or starts more than five minutes from now
``algorithm``         signed with SHA-1 or MD5 (a root's signature on itself does not matter)
``signature``         a link of the chain is not signed by the key of the next one
``issuer``            a link of the chain may not issue this (not a CA, key usage, path length)
``foreign``           a certificate that does not belong to the chain, or a gap in the chain
====================  ==========================================================================

Whether the topmost issuer is trusted is not decided here: the clients do, and private CAs are welcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Sequence

from .._core.clock import iso
from .._core.errors import VerifyError, clean
from .._core.names import dns_name
from . import load, path
from .facts import Facts, extension, facts, key_facts, pem

if TYPE_CHECKING:
    from cryptography import x509

# For clocks of CA and controller that differ; most CAs backdate by an hour.
_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class VerifiedSet:
    """``chain_pem`` is ``fullchain_pem`` without the leaf; empty when the bundle has no issuer. All are encoded anew from DER.

    A self-signed root is left out: clients have it, or do not trust it (RFC 8446 section 4.4.2). It stays when it is the only
    issuer, so that the chain's file is not empty.
    """

    leaf: Facts
    cert_pem: bytes
    chain_pem: bytes
    fullchain_pem: bytes
    warnings: tuple[str, ...] = ()


def verify_set(
    *,
    key_pem: bytes | None,
    fullchain_pem: bytes,
    names: Sequence[str] | None,
    now: datetime,
    source: str,
    public_key: str | None = None,
    extra: Sequence[str] = (),
) -> VerifiedSet:
    """The set in order and proven, or ``VerifyError``; ``InvalidData`` for what cannot be read.

    The key to fit is given by ``key_pem``, by ``public_key`` (as in ``Facts``), by both or by neither. The order of the
    bundle does not matter; a certificate that is in it twice counts once. ``names``: exactly these, in any order; the
    certificate may have those of ``extra`` besides.
    """
    bundle = list(dict.fromkeys(load.certificates(fullchain_pem, source)))
    keys = set() if public_key is None else {public_key}
    if key_pem is not None:
        keys.add(key_facts(load.private_key(key_pem, "the private key for " + source)).public_key)
    leaf = _leaf(bundle, keys, source)
    known = facts(leaf)
    _check_leaf(leaf, known, source)
    if names is not None:
        _check_names(known, names, extra, source)
    _check_algorithms(leaf, bundle, source)
    chain = path.build(leaf, bundle, source)
    if len(chain) > 2 and path.self_signed(chain[-1]):
        chain.pop()
    for position, certificate in enumerate(chain):
        _check_any(certificate, now, source)
        if position > 0:
            _check_issuer(certificate, position - 1, source)
    encoded = [pem(certificate) for certificate in chain]
    return VerifiedSet(known, encoded[0], b"".join(encoded[1:]), b"".join(encoded), _warnings(chain, source))


def _refuse(check: str, source: str, text: str, hint: str) -> VerifyError:
    return VerifyError("%s: %s" % (source, text), hint=hint, check=check)


def _leaf(bundle: list[x509.Certificate], keys: set[str], source: str) -> x509.Certificate:
    """The certificate with the key; without a key the first one that is not a CA's, else the first."""
    if keys:
        for certificate in bundle:
            if keys == {facts(certificate).public_key}:
                return certificate
        hint = "Use the key the certificate was requested with."
        raise _refuse("key", source, "no certificate in it fits the private key", hint)
    return next((certificate for certificate in bundle if not facts(certificate).is_ca), bundle[0])


def _check_leaf(certificate: x509.Certificate, known: Facts, source: str) -> None:
    if known.is_ca:
        raise _refuse("ca", source, "the certificate is a CA's, not a server's", "Is the server's certificate missing?")
    if not known.server_auth:
        hint = "Order one for TLS servers."
        raise _refuse("usage", source, "the certificate's extended key usage lacks serverAuth", hint)
    from cryptography import x509

    for each in certificate.extensions:
        if each.critical and isinstance(each.value, (x509.UnrecognizedExtension, x509.PrecertPoison)):
            text = "the certificate has the critical extension %s, which TLS clients refuse" % each.oid.dotted_string
            raise _refuse("critical", source, text, "Ask the CA for a certificate without it.")


def _check_names(known: Facts, names: Sequence[str], extra: Sequence[str], source: str) -> None:
    wanted, tolerated = {_normal(name) for name in names}, {_normal(name) for name in extra}
    missing, others = sorted(wanted - set(known.names)), sorted(set(known.names) - wanted - tolerated)
    if missing or others:
        parts = [("missing: ", missing), ("not asked for: ", others)]
        text = "; ".join(clean(word + ", ".join(found)) for word, found in parts if found)
        raise _refuse("names", source, "the certificate's names are not the wanted ones (%s)" % text, "Order another.")


def _normal(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return dns_name(name)


def _check_algorithms(leaf: x509.Certificate, bundle: list[x509.Certificate], source: str) -> None:
    for certificate in bundle:
        weak = path.weak_digest(certificate)
        if weak and (certificate == leaf or not path.self_signed(certificate)):
            text = '"%s" is signed with %s' % (facts(certificate).subject, weak)
            raise _refuse("algorithm", source, text, "Clients refuse it; ask the CA for another chain.")


def _check_any(certificate: x509.Certificate, now: datetime, source: str) -> None:
    """What holds for every certificate that is going to be served."""
    known = facts(certificate)
    if now > known.not_after:
        text = '"%s" expired on %s' % (known.subject, iso(known.not_after))
        raise _refuse("expired", source, text, "Renew it, or check the clock.")
    if now + _TOLERANCE < known.not_before:
        text = '"%s" is not valid before %s' % (known.subject, iso(known.not_before))
        raise _refuse("not_yet_valid", source, text, "Wait, or check the clock.")
    if known.key_type == "rsa" and known.key_size < 2048:
        text = '"%s" has an RSA key of %d bits' % (known.subject, known.key_size)
        raise _refuse("weak_key", source, text, "2048 bits are the least clients accept.")


def _check_issuer(certificate: x509.Certificate, below: int, source: str) -> None:
    """May it issue, with ``below`` CAs between it and the leaf (RFC 5280 sections 4.2.1.3 and 4.2.1.9)?"""
    from cryptography import x509

    constraints = extension(certificate.extensions, x509.BasicConstraints)
    usage = extension(certificate.extensions, x509.KeyUsage)
    reason = None
    if constraints is None or not constraints.ca:
        reason = "is not a CA"
    elif usage is not None and not usage.key_cert_sign:
        reason = "may not sign certificates (key usage)"
    elif constraints.path_length is not None and constraints.path_length < below:
        reason = "may not have %d CAs below it (path length)" % below
    if reason:
        text = '"%s" is an issuer in the chain and %s' % (facts(certificate).subject, reason)
        raise _refuse("issuer", source, text, "Clients refuse it; ask the CA for another chain.")


def _warnings(chain: list[x509.Certificate], source: str) -> tuple[str, ...]:
    if len(chain) > 1:
        return ()
    if path.self_signed(chain[0]):
        return ("%s: the certificate is self-signed; no client trusts it by itself." % source,)
    return ("%s: there is no intermediate certificate; right only if a root signed the certificate directly." % source,)
