# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reseller hook reads: requests, names, policies, settings, chains."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from certfleet_hook import chain, names, policy, requests, settings, strict
from hypothesis import given
from hypothesis import strategies as st

from tests.support import pki

ASK = {"kid": "k", "product": "sslcom_dv", "duration": "365", "identifiers": {"dns": ["www.alpha.test"]}}


def ask(**changes: Any) -> requests.Authorization:
    data = {**ASK, **changes}
    return requests.authorization(json.dumps({key: value for key, value in data.items() if value != "-"}).encode())


@pytest.mark.parametrize("duration", ["365", 365, 365.0, " 365 "])
def test_durations(duration: Any) -> None:
    assert ask(duration=duration).duration == 365


def test_what_the_documentation_leaves_open_is_tolerated() -> None:
    found = ask(
        validation_method="dns", identifiers={"dns": ["WWW.alpha.test.", "a.alpha.test", "www.alpha.test"], "ip": []}
    )
    assert found.names == ("a.alpha.test", "www.alpha.test")
    assert ask(identifiers={"dns": "www.alpha.test"}).names == ("www.alpha.test",)


@pytest.mark.parametrize(
    "changes",
    [
        {"kid": "-"},
        {"kid": ""},
        {"kid": 5},
        {"kid": "a\r\nb"},
        {"kid": "k" * 201},
        {"kid": "\ud800"},
        {"product": None},
        {"duration": "-"},
        {"duration": True},
        {"duration": "1 year"},
        {"duration": 0},
        {"duration": -1},
        {"duration": 1e999},
        {"duration": 365.5},
        {"duration": "٣٦٥"},
        {"duration": 10**30},
        {"identifiers": "-"},
        {"identifiers": []},
        {"identifiers": {"dns": []}},
        {"identifiers": {"dns": [5]}},
        {"identifiers": {"dns": ["a"] * 251}},
        {"identifiers": {"dns": ["www.alpha.test"], "ip": ["192.0.2.1"]}},
        {"identifiers": {"dns": ["192.0.2.1"]}},
        {"identifiers": {"dns": ["a b.test"]}},
        {"identifiers": {"dns": ["müller.test"]}},
        {"identifiers": {"dns": ["www.*.test"]}},
        {"identifiers": {"dns": ["*.test"]}},
        {"identifiers": {"dns": ["-a.test"]}},
        {"identifiers": {"dns": ["a..test"]}},
    ],
)
def test_bad_requests(changes: dict[str, Any]) -> None:
    with pytest.raises(requests.BadRequest) as caught:
        ask(**changes)
    assert "\r" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff",
        b'{"kid": "a", "kid": "b"}',
        b'{"kid": NaN}',
        b"[" * 100000,
        b'{"a":' * 30 + b"1" + b"}" * 30,
        b"9" * 5000,
    ],
)
def test_bodies_that_are_not_requests(body: bytes) -> None:
    with pytest.raises(requests.BadRequest):
        requests.authorization(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer(body: bytes) -> None:
    for read in (requests.authorization, requests.delivery):
        with pytest.raises(requests.BadRequest):
            read(body)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-05-12T09:41:00.000-05:00", "2026-05-12T14:41:00"),
        ("2026-05-12T14:41:00Z", "2026-05-12T14:41:00"),
        ("2026-05-12 14:41:00 UTC", "2026-05-12T14:41:00"),
        ("2026-05-12 16:41:00 +0200", "2026-05-12T14:41:00"),
        ("2026-05-12T14:41:00", "2026-05-12T14:41:00"),
    ],
)
def test_dates(text: str, wanted: str) -> None:
    body = json.dumps({**ASK, "cert": {"body": "x", "not_before": text}}).encode()
    assert requests.delivery(body).not_before == datetime.fromisoformat(wanted).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "cert", [None, {}, {"body": 5}, {"body": "x", "not_after": "soon"}, {"body": "x", "not_after": 5}]
)
def test_bad_deliveries(cert: Any) -> None:
    with pytest.raises(requests.BadRequest):
        requests.delivery(json.dumps({**ASK, "cert": cert}).encode())


def test_the_key_is_the_order() -> None:
    key = requests.reservation_key("k", "p", 365, ("b.test", "a.test"))
    assert key == requests.reservation_key("k", "p", 365, ("a.test", "b.test"))
    others = [
        ("k2", "p", 365, ("a.test", "b.test")),
        ("k", "p", 36, ("5a.test", "b.test")),
        ("k", "p", 365, ("a.test",)),
    ]
    assert len({key, *(requests.reservation_key(*each) for each in others)}) == 4


# --- names ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "allowed", "refused"),
    [
        ("a.test", ["a.test"], ["b.a.test", "*.a.test", "xa.test"]),
        ("*.a.test", ["b.a.test", "*.a.test"], ["a.test", "c.b.a.test", "*.b.a.test", "ba.test"]),
        ("**.a.test", ["b.a.test", "c.b.a.test", "*.a.test", "*.b.a.test"], ["a.test", "ba.test", "a.test.evil.test"]),
        ("**.test", ["a.test", "b.a.test"], ["a.tests"]),
        ("**", ["a.test", "*.b.example"], []),
    ],
)
def test_patterns(pattern: str, allowed: list[str], refused: list[str]) -> None:
    known = names.pattern(pattern.upper())
    assert [names.covers(known, names.normalise(name)) for name in [*allowed, *refused]] == [True] * len(allowed) + [
        False
    ] * len(refused)


@pytest.mark.parametrize(
    "text", ["", "*", "***", "a", "*.a", "**.", "**.*.a.test", "a.*.test", "a*.test", "*.*.test", ".*", "^a", "a.test/"]
)
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        names.pattern(text)


# --- policies and settings ------------------------------------------------------------------------------------------------------

ALPHA: dict[str, Any] = {
    "kids": ["k"],
    "products": {"sslcom_dv": "1"},
    "longest_days": 398,
    "names": ["**"],
    "balance": "0",
    "rate": {"count": 1, "seconds": 1},
}


def problems(data: Any) -> str:
    with pytest.raises(policy.PolicyError) as caught:
        policy.load(data if isinstance(data, bytes) else json.dumps(data).encode())
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kids": "k"}, "kids must be a list"),
        ({"kids": ["a\n"]}, "kids must be a list"),
        ({"names": ["*"]}, "neither a DNS name nor a pattern"),
        ({"quota": 5}, "either balance or quota"),
        ({"balance": "1.005"}, "balance must be an amount"),
        ({"balance": "-1"}, "balance must be an amount"),
        ({"balance": "1e400"}, "balance must be an amount"),
        ({"balance": "NaN"}, "balance must be an amount"),
        ({"balance": 1.5}, "balance must be an amount"),
        ({"products": ["sslcom_dv"]}, "products must map"),
        ({"products": {"sslcom_dv": 1, "basicssl": 2}}, "there twice"),
        ({"longest_days": "398"}, "longest_days must be a whole number"),
        ({"rate": None}, "rate must be an object"),
        ({"rate": {"count": 0, "seconds": 1}}, "rate.count must be"),
        ({"enabled": "no"}, "enabled must be true or false"),
        ({"color": "red"}, "unknown keys: color"),
    ],
)
def test_policies_that_are_wrong(changes: dict[str, Any], told: str) -> None:
    assert told in problems({"version": 1, "customers": {"alpha": {**ALPHA, **changes}}})


def test_all_faults_of_a_policy_are_told_at_once() -> None:
    told = problems(
        {"version": 2, "trusted_ca": "x", "customers": {"a": {**ALPHA, "names": 1}, "b": ALPHA, "c": ALPHA}}
    )
    assert all(each in told for each in ("version", "trusted_ca", "names", "same kid"))
    assert "twice" in problems(b'{"version": 1, "version": 1, "customers": {}}')
    assert problems([]) == "the policy must be an object"


def test_amounts_are_whole_hundredths() -> None:
    assert [policy.amount(each) for each in ("12.50", 12, "0", "0.01", "12.5", 10**13)] == [
        1250,
        1200,
        0,
        1,
        1250,
        10**15,
    ]
    assert [policy.amount(each, 0) for each in ("5", 12)] == [5, 12]


@pytest.mark.parametrize(
    "text",
    ["", "-5", "+5", "--5", " 5", "5 ", "5\n", "1_0", "1_000.00", "1e3", "5.", ".5", "0x5", "\u0665", "1,50", "1.005"],
)
def test_amounts_have_one_spelling(text: str) -> None:
    for decimals in (0, 2):
        with pytest.raises(ValueError, match="not an amount"):
            policy.amount(text, decimals)


def test_a_quota_has_no_fractions() -> None:
    for wrong in ("5.0", "5.50", True, 1.0, 10**15 + 1):
        with pytest.raises(ValueError, match="not an amount"):
            policy.amount(wrong, 0)


def write(path: Path, **changes: Any) -> Path:
    data = {"database_url": "sqlite:///x", "policy_path": "p", "prefix_path": "s", "state_path": "d", **changes}
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))
    return path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"policy_path": None}, "lack policy_path"),
        ({"colour": 1}, "unknown keys: colour"),
        ({"port": "80"}, "wrong type: port"),
        ({"port": True}, "wrong type: port"),
        ({"address": "0.0.0.0"}, "needs TLS"),
        ({"address": "hook.test"}, "must be an IP address"),
        ({"tls_key_path": "k"}, "belong together"),
        ({"tls_client_ca_path": "k"}, "needs tls_certificate_path"),
        ({"request_seconds": 0}, "out of range"),
        ({"log_level": "loud"}, "log_level"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(settings.SettingsError, match=told):
        settings.load(write(tmp_path / "settings", **changes))


def test_strangers_are_served_with_tls_alone(tmp_path: Path) -> None:
    for more in ({"behind_proxy": True}, {"tls_certificate_path": "c", "tls_key_path": "k"}, {"socket_path": "/run/x"}):
        assert settings.load(write(tmp_path / "settings", address="0.0.0.0", **more))


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [("x" * 31, 0o600, "32 to 200"), ("x" * 32, 0o640, "read by others"), ("a/" * 20, 0o600, "letters")],
)
def test_secrets(tmp_path: Path, text: str, mode: int, told: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(settings.SettingsError, match=told) as caught:
        settings.secret(str(path))
    assert text not in str(caught.value)
    path.write_text("x" * 32 + "\n")
    path.chmod(0o600)
    assert settings.secret(str(path)) == "x" * 32


def test_depth_is_bounded() -> None:
    assert strict.parse(b"[" * 19 + b"]" * 19)
    with pytest.raises(strict.BadJson):
        strict.parse(b"[" * 25 + b"]" * 25)


# --- chains -----------------------------------------------------------------------------------------------------------------

ROOT = pki.authority("Root")
INTERMEDIATE = pki.authority("Intermediate", ROOT)
LEAF = pki.server(["www.alpha.test"], INTERMEDIATE)


def read(*identities: pki.Identity, trusted: pki.Identity | None = ROOT) -> Any:
    text = b"".join(each.pem for each in identities).decode()
    return chain.read(text, [trusted.certificate] if trusted else [], pki.NOW)


def test_chains_in_any_order() -> None:
    for given_ in ((LEAF, INTERMEDIATE), (INTERMEDIATE, LEAF), (LEAF, INTERMEDIATE, ROOT), (ROOT, LEAF, INTERMEDIATE)):
        found = read(*given_)
        assert (found.names, found.chain.startswith(LEAF.pem.decode())) == (("www.alpha.test",), True)
    assert read(LEAF, trusted=INTERMEDIATE).serial == f"{LEAF.certificate.serial_number:x}"
    assert read(LEAF, trusted=None)


FAKE = pki.authority("Root")
OTHER_KEY = pki.new_key()


@pytest.mark.parametrize(
    ("given_", "code"),
    [
        ((LEAF,), "untrusted"),
        ((pki.server(["www.alpha.test"]),), "untrusted"),
        ((pki.server(["www.alpha.test"], FAKE), FAKE), "untrusted"),
        ((pki.server(["www.alpha.test"], INTERMEDIATE, signing_key=OTHER_KEY), INTERMEDIATE), "untrusted"),
        # a customer's certificate signs another one
        ((pki.server(["www.alpha.test"], LEAF), LEAF, INTERMEDIATE), "malformed"),
        (
            (pki.server(["a.test"], pki.authority("X", ROOT, usage=("digital_signature",))), pki.authority("X", ROOT)),
            "untrusted",
        ),
        ((pki.server(["a.test"], pki.authority("Y", pki.authority("Z", ROOT, path_length=0))),), "untrusted"),
        ((pki.server(["a.test", "192.0.2.1"], INTERMEDIATE), INTERMEDIATE), "names"),
        ((pki.server([], INTERMEDIATE, common_name="a.test"), INTERMEDIATE), "names"),
        ((pki.server(["a.test"], INTERMEDIATE, common_name="b.test"), INTERMEDIATE), "names"),
        ((INTERMEDIATE, ROOT), "malformed"),
        ((LEAF, pki.server(["b.test"], INTERMEDIATE), INTERMEDIATE), "malformed"),
        (tuple(pki.authority(f"CA {number}") for number in range(11)), "malformed"),
        ((), "malformed"),
    ],
)
def test_chains_that_are_refused(given_: tuple[pki.Identity, ...], code: str) -> None:
    with pytest.raises(chain.BadChain) as caught:
        read(*given_)
    assert (caught.value.code, "alpha" in str(caught.value)) == (code, False)


def test_a_path_that_is_too_long_is_refused() -> None:
    short = pki.authority("Short", ROOT, path_length=0)
    below = pki.authority("Below", short)
    with pytest.raises(chain.BadChain):
        read(pki.server(["a.test"], below), below, short)
    assert read(pki.server(["a.test"], short), short)


@given(st.text(max_size=100))
def test_any_text_is_a_chain_or_refused(text: str) -> None:
    with pytest.raises(chain.BadChain):
        chain.read(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n", [], pki.NOW)
