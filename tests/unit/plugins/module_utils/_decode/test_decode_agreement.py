# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every certificate and request of public corpora, against `openssl x509` and `openssl req`.

Each field that OpenSSL shows is compared. What differs is in one of the tables below, with the reason; a difference that is not there, and an
entry that does not occur any more, fail.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._decode import certificate, document, request, sources

from tests.support import corpus, openssl_text

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
LEAST = {"system": 50, "certifi": 100, "pkits": 400, "vectors": 120}

# OpenSSL reads them, the library does not: one clean error
REFUSED = {
    "DSAParametersInheritedCACert.crt": "a key without parameters of its own",
    "ValidDSAParameterInheritanceTest5EE.crt": "a key without parameters of its own",
    "badasn1time.pem": "a time that DER does not allow",
    "dsa_null_alg_params.pem": "parameters where DSA has none (RFC 3279 section 2.2.2)",
    "ecdsa_null_alg.pem": "parameters where ECDSA has none (RFC 5758 section 3.2)",
    "ed25519-rfc8410.pem": "a default value that is written down, against DER",
    "invalid_version.pem": "version 8",
    "bad-version.pem": "version 2 of a request",
}
# they can be decoded, and OpenSSL gives up within the names
ONLY_OURS = {"invalid_utf8_common_name.pem", "long-form-name-attribute.pem", "name_attribute_unsupported_tag.pem"}

BROKEN = "the extension is broken: None and a problem; OpenSSL shows its bytes or the part before the fault"
NO_WORD = "OpenSSL has a word, we show the numbers"
DIFFERENT: dict[str, dict[str, str]] = {
    "malformed-san.pem": {"alternative_names": BROKEN},
    "empty-eku.pem": {"extended_key_usage": BROKEN},
    "badssl-sct-anonymous-sig.der": {"scts": BROKEN},
    "badssl-sct-none-hash.der": {"scts": BROKEN},
    "invalid-sct-length.der": {"scts": BROKEN},
    "invalid-sct-version.der": {"scts": BROKEN},
    "cp_invalid.pem": {"policies": BROKEN},
    "cp_invalid2.der": {"policies": BROKEN},
    "wosign-bc-invalid.pem": {"is_ca": BROKEN, "path_length": BROKEN},
    "san_edipartyname.der": {"alternative_names": "a kind of name that nobody uses: the library does not read it"},
    "san_x400address.der": {"alternative_names": "a kind of name that nobody uses: the library does not read it"},
    "ec_no_named_curve.pem": {"key_curve": "written as parameters, which the library recognises"},
    "v1_cert.pem": {"signature_algorithm": NO_WORD},
    "scottishpower-bitstring-dn.pem": {"subject_parts": "bits: hex here, characters at OpenSSL"},
    "e-trust.ru.der": {
        **dict.fromkeys(["policies", "signature_algorithm", "key_algorithm", "extensions"], NO_WORD),
        **dict.fromkeys(["subject_parts", "issuer_parts"], NO_WORD),
    },
    "rsa_md4.der": {"signature_valid": "the library does not know MD4: None"},
    "rsa_md4.pem": {"signature_valid": "the library does not know MD4: None"},
}
# CAs of the last century have extensions of the payment protocol SET
SET = {"extensions": NO_WORD}


def ours(piece: sources.Piece) -> dict[str, Any] | None:
    try:
        with document.quiet():
            shown = certificate.decode(piece.der, NOW) if piece.kind == "certificate" else request.decode(piece.der)
    except InvalidData:
        return None
    if shown["policies"] is not None:
        shown["policies"] = [policy["oid"] for policy in shown["policies"]]
    if shown.get("scts") is not None:
        shown["scts"] = [each["log_id"] for each in shown["scts"]]
    return shown


def comparable(value: Any, field: str) -> Any:
    """What is written in two ways: addresses of IPv6, names within names, and bytes of other names."""
    if field != "alternative_names" or value is None:
        return value
    return [each.partition(":")[0] if each.startswith(("dirName:", "otherName:", "IP:")) else each for each in value]


def differences(shown: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    for field, value in other.items():
        if field == "key_size" and value is None:
            continue  # not said for Ed25519 and Ed448
        if field == "public_key_pem" and value is None:
            continue  # a key that OpenSSL does not know
        if field in shown and comparable(shown[field], field) != comparable(value, field):
            yield field


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("name", LEAST)
def test_openssl_agrees(name: str) -> None:
    pieces = corpus.pieces(name)
    if not pieces:
        pytest.skip(f"no {corpus.SYSTEM} here")
    with ThreadPoolExecutor(2) as threads:
        kinds = {"certificate": "x509", "request": "req"}
        others = list(threads.map(lambda piece: openssl_text.read(kinds[piece.kind], piece.der), pieces.values()))
    counts: collections.Counter[str] = collections.Counter()
    unexplained: list[str] = []
    seen: set[tuple[str, str]] = set()
    for (label, piece), other in zip(pieces.items(), others):
        shown = ours(piece)
        if shown is None:
            counts["refused"] += 1
            if other is not None and label not in REFUSED:
                unexplained.append(f"{label}: refused")
            continue
        counts[piece.kind] += 1
        if other is None:
            assert label in ONLY_OURS, label
            continue
        for field in other:
            counts["fields"] += field in shown
        for field in differences(shown, other):
            seen.add((label, field))
            expected = SET if "2.23.42.7.0" in (shown["extensions"] or ()) else DIFFERENT.get(label, {})
            if field not in expected:
                unexplained.append(f"{label}, {field}: {shown[field]!r}, OpenSSL: {other[field]!r}")
    assert not unexplained
    # words may come with a newer OpenSSL, or go
    certain = {(label, field) for label, fields in DIFFERENT.items() for field in fields if fields[field] != NO_WORD}
    assert {(label, field) for label, field in certain if label in pieces} <= seen
    assert counts["certificate"] >= LEAST[name]
    total = counts["certificate"] + counts["request"]
    print(f"{name}: {total} decoded, {counts['fields']} fields compared, {len(seen)} differences, all explained")


def test_every_field_that_is_not_read_is_told() -> None:
    """None where something is there, and no problem that says so, would be taken for "there is none"."""
    for name in LEAST:
        for label, piece in corpus.pieces(name).items():
            shown = ours(piece)
            if shown is None:
                continue
            told = any(problem["code"] in ("unreadable", "long_serial") for problem in shown["problems"])
            lists = [
                field
                for field in ("sans", "key_usage", "policies", "extensions", "must_staple")
                if shown[field] is None
            ]
            assert told or not lists, (label, lists)
