# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records: what is wrong with a certificate, what is next, and the form of the report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._status import (
    due,
    model,
    observed,
    record,
    report,
    summary,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._status.model import Issued, Leaf, Look, Target
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[5]
SCHEMA = json.loads((ROOT / "roles" / "certificate_report" / "files" / "report.schema.json").read_text())
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = model.Settings(warn_days=14, fail_days=7, timeout=10, endpoint_timeout=1, workers=4)


def leaf(left: float = 60, life: float = 90, serial: str = "4a1f", **more: Any) -> Leaf:
    end = NOW + left * DAY
    return Leaf(
        serial, serial.rjust(64, "0"), end - life * DAY, end, ("www.alpha.example",), "Example CA", "ecdsa", 256, **more
    )


def wanted(**more: Any) -> model.Certificate:
    entry = {
        "name": "www.alpha.example",
        "issuer": "alpha",
        "provider": "sslcom",
        "domains": ["www.alpha.example"],
        **more,
    }
    return model.certificate({"renewal": {}}, entry)


def look(found: Leaf | None, host: str = "web1", reason: str | None = None) -> Look:
    return Look(Target("192.0.2.1", 443, "www.alpha.example", None, host, "www.alpha.example"), NOW, found, reason)


def made(issued: Issued | None = None, **more: Any) -> dict[str, Any]:
    wants = more.pop("wanted", wanted())
    facts = record.Facts(wants, issued or Issued(leaf(), {}), **more)
    return record.of_set(facts, SETTINGS, NOW)


def codes(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem["code"], problem["severity"]) for problem in found["problems"]]


def checked(*records: dict[str, Any]) -> dict[str, Any]:
    """The report of these records; it must have the documented form."""
    found = report.document(records, SETTINGS, NOW)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(found)] == []
    return found


DEPLOYED = observed.Deployed("web1", "www.alpha.example", "4a1f")
OTHER = observed.Deployed("web1", "www.alpha.example", "3b2e")
REVOKED = {
    "status": "revoked",
    "reason": "revoked on 2026-11-20T08:00:00Z (keyCompromise)",
    "this_update": "2026-11-22T08:00:00Z",
}
TWO = wanted(hosts=["web1", "web2"])

CASES: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("in order", {}, []),
    ("served", {"looks": [look(leaf())], "deployed": [DEPLOYED], "asked": True, "wanted": wanted(hosts=["web1"])}, []),
    ("none", {"issued": Issued(None, {})}, [("not_issued", "error")]),
    ("pending", {"issued": Issued(None, {}, pending=True)}, [("pending", "warning")]),
    ("damaged", {"issued": Issued(None, {}, damage="cert.pem is missing")}, [("damaged", "error")]),
    (
        "nobody knows",
        {"issued": Issued(None, {}, unknown=True), "silent": [("web1", "gone")]},
        [("host_silent", "warning")],
    ),
    ("its host fails", {"issued": Issued(leaf(), {}, failure="runs fail")}, [("run_failed", "warning")]),
    ("expired", {"issued": Issued(leaf(-1), {})}, [("expired", "error")]),
    ("expired a second ago", {"issued": Issued(leaf(-1 / 86400), {})}, [("expired", "error")]),
    ("not yet", {"issued": Issued(leaf(120, 90), {})}, [("not_valid_yet", "error")]),
    ("below the limit", {"issued": Issued(leaf(6.9), {})}, [("expiring", "error"), ("overdue", "warning")]),
    ("at the limit", {"issued": Issued(leaf(7), {})}, [("expiring", "warning"), ("overdue", "warning")]),
    ("below the warning", {"issued": Issued(leaf(13.9), {})}, [("expiring", "warning"), ("overdue", "warning")]),
    ("at the warning", {"issued": Issued(leaf(14), {})}, [("overdue", "warning")]),
    ("overdue", {"issued": Issued(leaf(28.9), {})}, [("overdue", "warning")]),
    ("just due", {"issued": Issued(leaf(29.5), {})}, []),
    ("revoked", {"revocation": REVOKED}, [("revoked", "error")]),
    ("good", {"revocation": {"status": "good"}}, []),
    ("no answer", {"revocation": {"status": "unreachable", "reason": "HTTP 503"}}, []),
    (
        "a wrong answer",
        {"revocation": {"status": "invalid", "reason": "wrong signature"}},
        [("revocation_unclear", "warning")],
    ),
    ("another one is served", {"looks": [look(leaf(serial="3b2e"))]}, [("mismatch", "error")]),
    ("nothing is served", {"looks": [look(None, reason="no handshake within 5 seconds")]}, [("not_served", "error")]),
    ("another one on disk", {"deployed": [OTHER]}, [("mismatch", "error")]),
    ("missing on a host", {"deployed": [DEPLOYED], "asked": True, "wanted": TWO}, [("not_deployed", "error")]),
    ("nobody was asked", {"wanted": TWO}, []),
    (
        "silent",
        {"deployed": [DEPLOYED], "asked": True, "wanted": TWO, "silent": [("web2", "ssh: timed out")]},
        [("host_silent", "warning")],
    ),
    ("the term ends", {"term_end": NOW + 29 * DAY}, [("term_ends", "warning")]),
    ("the term goes on", {"term_end": NOW + 30 * DAY}, []),
]


@pytest.mark.parametrize(("facts", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_problems(facts: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = made(**facts)
    assert codes(found) == expected
    assert found["state"] == (expected[0][1] if expected else "ok")
    checked(found)


def test_a_revocation_is_told_with_its_reason() -> None:
    for reason, text in (
        (REVOKED["reason"], REVOKED["reason"]),
        ("by the CA", "revoked: by the CA"),
        (None, "revoked"),
    ):
        (problem,) = made(revocation={**REVOKED, "reason": reason})["problems"]
        assert problem["text"] == text


def test_every_problem_has_a_case_and_a_place_in_the_schema() -> None:
    known = set(SCHEMA["$defs"]["problem"]["properties"]["code"]["enum"])
    cases = {code for _name, _facts, expected in CASES for code, _severity in expected}
    assert cases | {"wrong_name"} == known  # the last one is about watched servers, see below


def test_a_watched_server() -> None:
    for names, expected in (
        (("www.alpha.example",), []),
        (("*.alpha.example",), []),
        (("*.example", "alpha.example"), [("wrong_name", "error")]),
        ((), []),
    ):
        shown = Leaf("3b2e", "0" * 64, NOW - DAY, NOW + 60 * DAY, names)
        found = record.of_endpoint(look(shown), None, SETTINGS, NOW)
        assert codes(found) == expected, names
        checked(found)
    gone = record.of_endpoint(look(None, reason="no connection: Connection refused"), None, SETTINGS, NOW)
    assert codes(gone) == [("not_served", "error")]
    assert gone["problems"][0]["text"] == "web1, 192.0.2.1:443: no connection: Connection refused"
    checked(gone)


def test_the_renewal_is_the_decision_of_the_clients() -> None:
    window = {
        "serial": "4a1f",
        "start": "2026-12-24T00:00:00Z",
        "end": "2026-12-25T00:00:00Z",
        "ask_again": "2026-11-23T00:00:00Z",
    }
    found = made(Issued(leaf(), {}, window))
    assert found["renewal"]["at"].startswith("2026-12-24")
    assert found["renewal"]["reason"].startswith("the CA suggests it")
    other = made(Issued(leaf(), {}, {**window, "serial": "3b2e"}))
    assert other["renewal"]["at"] == "2026-12-22T09:00:00Z"
    assert other["renewal"]["reason"].startswith("less than 33 % of its life is left")


def test_freezes_hold_renewals_up() -> None:
    rules = {"freezes": [{"name": "Christmas", "cron": "0 0 20 12 *", "duration": "5d"}]}
    held = made(wanted=wanted(renewal=rules), freezes="freezes-1")
    assert held["renewal"]["at"] == held["renewal"]["frozen_until"] == "2026-12-25T00:00:00Z"
    assert "frozen" in held["renewal"]["reason"]
    policy = wanted(renewal=rules).policy
    calendar = list(due.calendars([policy, policy, wanted().policy], NOW).values())[0]
    assert calendar["windows"] == [["2026-12-20T00:00:00Z", "2026-12-25T00:00:00Z"]]
    found = report.document([held], SETTINGS, NOW, freezes=[calendar])
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(found)] == []


def test_later_renewals_follow_the_shorter_lives() -> None:
    """From 15 March 2027 on certificates live 99 days, and are renewed after 66 of them."""
    found = made(Issued(leaf(150, 199), {}))
    moments = [datetime.fromisoformat(text) for text in (found["renewal"]["at"], *found["renewal"]["later"])]
    assert moments == sorted(moments)
    assert moments[-1] < NOW + 366 * DAY
    gaps = [b - a for a, b in zip(moments, moments[1:])]
    for start, gap in zip(moments, gaps):
        assert gap == (66 * DAY if start >= datetime(2027, 3, 15, tzinfo=UTC) else 199 * DAY * 2 / 3)
    assert len(gaps) >= 3


@pytest.mark.parametrize(("days", "count"), [(20, 0), (31, 1), (119, 1), (121, 2), (365, 6)])
def test_reissues_until_the_end_of_the_term(days: int, count: int) -> None:
    """A certificate of 90 days with 60 left is renewed in 30 days, then every 60 days, until one lasts to the end."""
    policy = wanted().policy
    facts = leaf(60, 90)
    assert due.reissues(facts, NOW + 30 * DAY, policy, NOW + days * DAY) == count


def test_the_paid_term() -> None:
    meta = {"provider": "sslmarket", "order_id": 7, "profile": "DV", "order_row": {"expired": "2027-11-01"}}
    end = due.term_end(meta, ())
    assert end == datetime(2027, 11, 1, tzinfo=UTC)
    found = made(Issued(leaf(), meta), term_end=end)
    assert found["order"] == {"id": 7, "url": None, "product": "DV"}
    assert found["term"]["end"] == "2027-11-01T00:00:00Z"
    checked(found)
    assert due.term_end({**meta, "order_row": {"expired": "soon"}}, ()) is None
    assert due.term_end({**meta, "provider": "acme"}, ()) is None


def test_what_hosts_say_is_read_leniently() -> None:
    good = {"address": "192.0.2.1", "port": 443, "server_name": "x.example", "served": "a" * 64, "reason": None}
    results = {
        "web1": {
            "sets": [
                {"name": "x.example", "serial": "4a1f", "endpoints": [good, {"port": "x"}, None]},
                None,
                {"serial": "1"},
            ]
        },
        "web2": {"unreachable": True, "msg": "ssh: timed out\x1b[31m"},
        "web3": {"failed": True, "msg": "no such directory"},
        "web4": {},
        "web5": None,
        "web6": {"skipped": True},
        "web7": {
            "failed": True,
            "msg": "one of them",
            "sets": [{"name": "x.example", "serial": None, "reason": "damaged", "endpoints": "none"}],
        },
    }
    found = observed.read(results, NOW)
    assert [(each.host, each.serial) for each in found.deployed] == [("web1", "4a1f"), ("web7", None)]
    assert [each.leaf.fingerprint for each in found.looks if each.leaf] == ["a" * 64]
    assert [host for host, _why in found.silent] == ["web2", "web3"]
    assert "\x1b" not in found.silent[0][1]


def test_the_order_and_the_counts() -> None:
    names = ("b.example", "a.example", "c.example", "d.example")
    lefts = (60, 40, -1, 6)
    records = [made(Issued(leaf(left), {}), wanted=wanted(name=name)) for name, left in zip(names, lefts)]
    found = checked(*records)
    assert [each["name"] for each in found["certificates"]] == ["c.example", "d.example", "a.example", "b.example"]
    assert found["counts"] == {"certificates": 4, "error": 2, "warning": 0, "ok": 2, "endpoints": 0, "served": 0}
    lines = summary.lines(found, 1)
    assert lines[0] == "ERROR    c.example [alpha]: it expired on 2026-11-21, 1 day ago"
    assert lines[1] == "... and 1 more with problems"
    assert lines[2] == "4 certificates: 2 with errors, 0 with warnings, 2 in order"
    assert lines[3].startswith("first to expire: d.example in 6 days")
    assert summary.lines(report.document([], SETTINGS, NOW), 5) == [
        "0 certificates: 0 with errors, 0 with warnings, 0 in order"
    ]


def test_the_digest_is_of_facts_not_of_moments() -> None:
    first = checked(made(looks=[look(leaf())]))
    later = Look(look(leaf()).target, NOW + DAY, leaf())
    assert report.document([made(looks=[later])], SETTINGS, NOW + DAY)["digest"] == first["digest"]
    assert checked(made(looks=[look(None, reason="gone")]))["digest"] != first["digest"]
    assert report.decode(report.encode(first), "x") == first
