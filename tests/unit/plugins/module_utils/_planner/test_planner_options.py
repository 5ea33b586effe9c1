# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of certificate_plan, and what the sets say of today."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.filter.fleet_plan import fleet_plan
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import Clock
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.resource import PlanInfo, setting_of

NOW = datetime(2029, 4, 2, 6, 0, 0, 1234, tzinfo=UTC)
DAY = timedelta(days=1)


class Fixed(Clock):
    def now(self) -> datetime:
        return NOW


def params(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "certificates": [{"name": "a.example", "issuer": "a", "hosts": ["web1"], "renewal": None}],
        "issuers": [{"name": "a", "public": True, "lifetime_days": None, "renewal": None}],
        "sets_path": None, "start": None, "end": None, "interval": "1d", "outages": [],
        "hosts_down": 0.0, "hosts_down_days": 1, "seed": 1, "advice": True,
    }  # fmt: skip
    return {**found, **more}


def live(folder: Path, name: str, **meta: Any) -> None:
    (folder / name / "4a1f").mkdir(parents=True)
    times = {"not_before": "2029-03-20T00:00:00Z", "not_after": "2029-05-05T00:00:00Z"}
    (folder / name / "4a1f" / "meta.json").write_text(json.dumps({"serial": "4a1f", **times, **meta}))
    (folder / name / "current").symlink_to("4a1f")


def test_a_plan_from_options_alone() -> None:
    found = PlanInfo(Fixed()).look(params(), may_write=True)
    assert found["plan"]["start"] == "2029-04-02T06:00:00Z"
    assert found["plan"]["until"] == "2031-04-02T06:00:00Z"
    assert found["plan"]["runs"] == 731
    assert found["plan"]["orders"] == 1 + 730 // 31
    assert found["lines"][0].startswith("1 certificates on 1 hosts, from 2029-04-02 to 2031-04-02: 24 orders, nothing")
    json.dumps(found)


def test_dates_of_live_certificates_and_windows_are_read(tmp_path: Path) -> None:
    live(tmp_path, "a.example")
    at = setting_of(params(sets_path=str(tmp_path)), NOW)
    (certificate,) = at.certificates
    assert certificate.not_after == datetime(2029, 5, 5, tzinfo=UTC)
    assert certificate.window is None
    assert at.issuers["a"].life is None, "46 days are what public CAs issue for"
    note = {
        "version": 1,
        "serial": "4a1f",
        "start": "2029-04-20T00:00:00Z",
        "end": "2029-04-22T00:00:00Z",
        "ask_again": "2029-04-03T00:00:00Z",
    }
    (tmp_path / "a.example" / "renewal.json").write_text(json.dumps(note))
    (certificate,) = setting_of(params(sets_path=str(tmp_path)), NOW).certificates
    assert certificate.window is not None
    assert certificate.window.end == datetime(2029, 4, 22, tzinfo=UTC)
    (tmp_path / "a.example" / "renewal.json").write_text(json.dumps({**note, "serial": "other"}))
    assert setting_of(params(sets_path=str(tmp_path)), NOW).certificates[0].window is None


@pytest.mark.parametrize(
    ("issuer", "end", "life"),
    [
        ({}, "2029-03-26T00:00:00Z", 6 * DAY),
        ({"lifetime_days": 20}, "2029-03-26T00:00:00Z", 20 * DAY),
        ({"public": False}, "2030-03-20T00:00:00Z", 365 * DAY),
        ({}, "2030-03-20T00:00:00Z", 46 * DAY),
    ],
)
def test_how_long_the_next_ones_live(tmp_path: Path, issuer: dict[str, Any], end: str, life: timedelta) -> None:
    live(tmp_path, "a.example", not_after=end)
    found = params(sets_path=str(tmp_path))
    found["issuers"][0].update(issuer)
    assert setting_of(found, NOW).issuers["a"].life_at(NOW) == life


def test_a_record_without_dates_is_an_error(tmp_path: Path) -> None:
    live(tmp_path, "a.example", not_after=None)
    with pytest.raises(UsageError, match=r"the record of the live version of a\.example has no dates"):
        setting_of(params(sets_path=str(tmp_path)), NOW)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"end": "2029-04-02"}, "end is not after start"),
        ({"end": "2049-04-02"}, "more than ten years"),
        ({"end": "soon"}, "end is soon; write it like 2029-03-15"),
        ({"start": "2029-04-02T06:00:00"}, "start is 2029-04-02T06:00:00; write it like"),
        ({"interval": "1"}, "interval is "),
        ({"interval": "30m"}, "interval is 30m, not within 1h and 92d"),
        ({"hosts_down": 1.0}, "hosts_down is a share"),
        ({"hosts_down_days": 0}, "hosts_down is a share"),
        ({"outages": [{"issuer": "b", "start": "2029-05-01", "days": 3}]}, "outages: there is no issuer b"),
        ({"outages": [{"issuer": "a", "start": "2029-05-01", "days": 0}]}, "outages: days is 0"),
        (
            {"certificates": [{"name": "x", "issuer": "b", "hosts": [], "renewal": None}]},
            "certificates (x): there is no issuer b",
        ),
        ({"certificates": params()["certificates"] * 2}, "certificates (a.example): the name is used twice"),
        (
            {"certificates": [{"name": "x", "issuer": "a", "hosts": [], "renewal": {"weekly_limit": 3}}]},
            "certificates (x): renewal weekly_limit is for issuers",
        ),
        (
            {"issuers": [{"name": "a", "public": True, "lifetime_days": 0, "renewal": None}]},
            "issuers (a): lifetime_days is 0, not within 1 and 3650",
        ),
        (
            {"issuers": [{"name": "a", "public": True, "lifetime_days": None, "renewal": {"frezes": []}}]},
            'issuers (a): renewal there is no option "frezes" (did you mean "freezes"?)',
        ),
    ],
)
def test_what_cannot_be_meant(more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        setting_of(params(**more), NOW)
    assert words in caught.value.message


# --- the inventory ----------------------------------------------------------------------------------------------------

ISSUERS: dict[str, Any] = {
    "alpha": {"kind": "acme", "contact": "a@b.example", "directory_url": "https://ca.example/", "remaining_days": 20},
    "inside": {
        "kind": "acme",
        "contact": "a@b.example",
        "directory_url": "https://inside.example/",
        "ca_path": "/ca.pem",
        "lifetime_days": 30,
        "renewal": {"remaining_share": 0.5, "weekly_limit": 7},
    },
    "unused": {"kind": "acme", "contact": "a@b.example", "directory_url": "https://unused.example/"},
}
CERTIFICATES = [
    {"name": "a.example", "issuer": "alpha", "hosts": "web", "renewal": {"splay": "2d"}},
    {"name": "b.example", "issuer": "inside", "challenge": "dns-01"},
]
GROUPS = {"all": ["web1", "web2", "db"], "web": ["web1", "web2"]}


def test_what_the_filter_makes_of_the_inventory() -> None:
    found = fleet_plan(CERTIFICATES, ISSUERS, GROUPS, {"remaining_share": 0.4, "hard_stop_days": 4})
    assert found == {
        "certificates": [
            {"name": "a.example", "issuer": "alpha", "hosts": ["web1", "web2"], "renewal": {"splay": "2d"}},
            {"name": "b.example", "issuer": "inside", "hosts": []},
        ],
        "issuers": [
            {"name": "alpha", "public": True, "renewal": {"remaining_days": 20, "hard_stop_days": 4}},
            {
                "name": "inside",
                "public": False,
                "lifetime_days": 30,
                "renewal": {"remaining_share": 0.5, "hard_stop_days": 4, "weekly_limit": 7},
            },
        ],
    }


def test_what_hosts_renew_by_themselves_is_left_out() -> None:
    issuers = {**ISSUERS, "alpha": {**ISSUERS["alpha"], "client": "lego"}}
    found = fleet_plan(CERTIFICATES, issuers, GROUPS)
    assert [each["name"] for each in found["certificates"]] == ["b.example"]
    assert [each["name"] for each in found["issuers"]] == ["inside"]


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("common", {"remaining_dys": 3}, 'certfleet_renewal: there is no option "remaining_dys" (did you mean "remaining_days"?)'),
        ("common", [], "certfleet_renewal: must be a mapping, not a list"),
        ("issuer", {"splay": "soon"}, 'certfleet_issuers.alpha: renewal splay is "soon"; write it like 62h, 2d12h or 1w'),
        ("issuer", {"freezes": [{"cron": "x", "duration": "1h"}]}, "certfleet_issuers.alpha: renewal freezes[0] cron has 1 fields"),
        ("certificate", {"ca_weekly_limit": 3}, "certfleet_certificates[0] (a.example): renewal ca_weekly_limit is for issuers"),
        ("certificate", {"hard_stop_share": "much"}, "certfleet_certificates[0] (a.example): renewal hard_stop_share must be a number"),
    ],
)  # fmt: skip
def test_wrong_entries_are_named(where: str, value: Any, words: str) -> None:
    issuers = {**ISSUERS, "alpha": {**ISSUERS["alpha"], **({"renewal": value} if where == "issuer" else {})}}
    first = {**CERTIFICATES[0], **({"renewal": value} if where == "certificate" else {})}
    with pytest.raises(Exception, match="certfleet_") as caught:
        fleet_plan([first], issuers, GROUPS, value if where == "common" else {})
    assert words in str(caught.value)


def test_what_is_missing_or_expired_at_the_start_is_said_and_no_failure_of_the_policy(tmp_path: Path) -> None:
    live(tmp_path, "old.example", not_before="2028-01-01T00:00:00Z", not_after="2028-03-01T00:00:00Z")
    live(tmp_path, "fine.example")
    three = [
        {"name": name, "issuer": "a", "hosts": [], "renewal": None}
        for name in ("old.example", "new.example", "fine.example")
    ]
    at = params(sets_path=str(tmp_path), certificates=three, end="2029-06-01")
    found = PlanInfo(Fixed()).look(at, may_write=True)
    plan = found["plan"]
    assert (plan["missing"], plan["expired_before"], plan["never_issued"], plan["expired_count"]) == (1, 1, 0, 0)
    assert plan["tightest"]["days_left"] > 10
    assert any(line.startswith("At the start 1 certificates are missing and 1 have expired") for line in found["lines"])
    at["outages"] = [{"issuer": "a", "start": "2029-04-01", "days": 90.0}]
    at["certificates"] = three[:2]
    found = PlanInfo(Fixed()).look(at, may_write=True)
    assert (found["plan"]["never_issued"], found["plan"]["orders"], found["plan"]["expired_count"]) == (2, 0, 0)
    assert "Nothing is ever issued for 2 of them" in found["lines"]


def test_lives_that_do_not_end_can_be_planned(tmp_path: Path) -> None:
    live(tmp_path, "a.example", not_after="9999-12-31T23:59:59Z")
    both = [{"name": name, "issuer": "a", "hosts": [], "renewal": None} for name in ("a.example", "b.example")]
    private = [{"name": "a", "public": False, "lifetime_days": None, "renewal": None}]
    plan = PlanInfo(Fixed()).look(params(sets_path=str(tmp_path), certificates=both, issuers=private), may_write=True)[
        "plan"
    ]
    assert plan["orders"] == 1


@pytest.mark.parametrize("option", ["start", "end"])
@pytest.mark.parametrize("text", ["9999-01-01", "9999-12-31T23:59:59-05:00"])
def test_no_time_is_beyond_counting(option: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"{option} is 9999"):
        setting_of(params(**{option: text}), NOW)
