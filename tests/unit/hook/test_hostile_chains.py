# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains that are made to cost time, or to break what reads them."""

from __future__ import annotations

import json
from datetime import timedelta
from ssl import DER_cert_to_PEM_cert
from typing import Any

import pytest
from certfleet_hook import chain, policy
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support import pki

KEY = pki.new_key()
ROOT = pki.authority("Pinned")
NAMES = x509.SubjectAlternativeName([x509.DNSName("www.alpha.test")])


def made(*extensions: x509.ExtensionType, name: str = "Same", issuer: str = "Same") -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder(subject_name=pki.name(name), issuer_name=pki.name(issuer), public_key=KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(pki.NOW - timedelta(days=1))
        .not_valid_after(pki.NOW + timedelta(days=90))
    )
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    return builder


def signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey = KEY) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def authority(**names: str) -> x509.Certificate:
    return signed(made(x509.BasicConstraints(ca=True, path_length=None), **names))


def read(*certificates: x509.Certificate) -> Any:
    text = "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)
    return chain.read(text, [ROOT.certificate], pki.NOW)


def test_authorities_that_sign_each_other_cost_no_more_than_their_number_squared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    real = chain.signs

    def counted(*arguments: Any) -> bool:
        asked.append(arguments)
        assert len(asked) <= chain.MOST_CERTIFICATES**2, "all orders are tried"
        return real(*arguments)

    monkeypatch.setattr(chain, "signs", counted)
    leaf = signed(made(NAMES, name="www.alpha.test"))
    with pytest.raises(chain.BadChain) as caught:
        read(leaf, *(authority() for _number in range(chain.MOST_CERTIFICATES - 1)))
    print(f"\n{len(asked)} signatures looked at for {chain.MOST_CERTIFICATES - 1} CAs that sign each other")
    assert caught.value.code == "untrusted"


def test_the_right_way_is_found_beside_wrong_ones() -> None:
    bridge = signed(
        made(x509.BasicConstraints(ca=True, path_length=1), issuer="Pinned"),
        ROOT.key,
    )
    leaf = signed(made(NAMES, name="www.alpha.test"))
    assert read(leaf, *(authority() for _number in range(7)), bridge).names == ("www.alpha.test",)


def patched(certificate: x509.Certificate, old: bytes, new: bytes) -> str:
    """With other bytes of the same length; the signature is wrong then, which nobody gets to see."""
    der = certificate.public_bytes(Encoding.DER)
    assert len(old) == len(new)
    assert der.count(old) == 1
    return DER_cert_to_PEM_cert(der.replace(old, new))


def unknown(last: int) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.4.{last}"), b"x")


def version_9() -> str:
    return patched(signed(made(NAMES)), b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x08")


def twice_the_same_extension() -> str:
    return patched(signed(made(NAMES, unknown(5), unknown(6))), b"\x2a\x03\x04\x06", b"\x2a\x03\x04\x05")


def a_name_of_a_kind_unknown() -> str:
    # tag 3, an X.400 address, in the place of tag 2
    return patched(signed(made(NAMES)), b"\x82\x0ewww.alpha.test", b"\xa3\x0ewww.alpha.test")


@pytest.mark.parametrize("forged", [version_9, twice_the_same_extension, a_name_of_a_kind_unknown])
@pytest.mark.parametrize("pinned", [True, False])
def test_certificates_that_cannot_be_read_are_the_senders_fault(forged: Any, pinned: bool) -> None:
    with pytest.raises(chain.BadChain):
        chain.read(forged(), [ROOT.certificate] if pinned else [], pki.NOW)


def test_an_issuer_with_a_key_that_cannot_be_read_signs_nothing() -> None:
    leaf = signed(made(NAMES, name="www.alpha.test"))
    # a curve that nobody knows in the place of P-256
    curve = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    issuer = patched(authority(), curve, curve[:-1] + b"\x63")
    with pytest.raises(chain.BadChain) as caught:
        chain.read(leaf.public_bytes(Encoding.PEM).decode() + issuer, [ROOT.certificate], pki.NOW)
    assert caught.value.code == "untrusted"


def test_a_policy_with_such_a_certificate_is_refused() -> None:
    text = json.dumps({"version": 1, "trusted_ca": version_9(), "customers": {}})
    with pytest.raises(policy.PolicyError, match="trusted_ca"):
        policy.load(text.encode())
