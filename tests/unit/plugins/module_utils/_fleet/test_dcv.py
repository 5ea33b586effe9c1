# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published for the CA: where, what comes first, and when it is over."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.dcv import publications
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.hosts import Hosts

PATH = "/.well-known/pki-validation/fileauth.txt"
HOSTS = Hosts({"all": ["web1", "web2"], "web": ["web1", "web2"]})
CERTIFICATES = [{"name": "a.test", "hosts": "web"}, {"name": "b.test", "hosts": "web2"}, {"name": "c.test"}]


def dns(name: str, value: str = "v") -> dict[str, Any]:
    record = {"domain": name, "record": f"_dnsauth.{name}", "type": "TXT", "value": value}
    return {"method": "DNS", "records": [record], "files": []}


def file(name: str, content: str) -> dict[str, Any]:
    return {"method": "FILE", "records": [], "files": [{"domain": name, "path": PATH, "content": content}]}


def orders(**dcv: Any) -> dict[str, Any]:
    """A registered loop over one issuer."""
    shown = [{"name": f"{name}.test", "dcv": value} for name, value in dcv.items()]
    return {"results": [{"orders": shown}, {"skipped": True}]}


def certificates(waiting: bool = True, **dcv: Any) -> dict[str, Any]:
    shown = [{"name": f"{name}.test", "dcv": value, "waiting": waiting} for name, value in dcv.items()]
    return {"results": [{"certificates": shown}, {"msg": "no answer"}]}


def found(*results: dict[str, Any], before: Any = None) -> dict[str, Any]:
    return publications(results, CERTIFICATES, HOSTS, before)


def test_records_until_the_certificate_is_there() -> None:
    ordered = orders(c=dns("c.test"))
    now = found(ordered, certificates(c=dns("c.test")))
    assert now["records"] == [{"name": "c.test", **dns("c.test")["records"][0]}]
    assert (now["over"], now["refused"]) == ({"records": [], "files": {}}, {})
    end = found(ordered, certificates(c=dns("c.test")), certificates(False, c=None), before=now["published"])
    assert (end["records"], end["published"]) == ([], [])
    assert end["over"]["records"] == now["records"]


def test_what_still_waits_stays() -> None:
    now = found(orders(c=dns("c.test")))
    end = found(orders(c=dns("c.test")), certificates(c=dns("c.test")), before=now["published"])
    assert end["over"] == {"records": [], "files": {}}
    assert end["published"] == now["published"]


def test_a_later_run_removes_it() -> None:
    """Also that of a certificate which nobody wants any more; but not that of which nothing was learnt."""
    before = found(orders(a=dns("a.test"), b=dns("b.test"), c=dns("c.test")))["published"]
    gone = {**before[0], "name": "gone.test", "value": "g"}
    end = found(certificates(False, a=None), certificates(b=dns("b.test")), before=[*before, gone])
    assert [each["name"] for each in end["over"]["records"]] == ["a.test", "gone.test"]
    assert [each["name"] for each in end["published"]] == ["b.test", "c.test"]


def test_a_new_value_takes_the_place_of_the_old_one() -> None:
    before = found(orders(c=dns("c.test", "old")))["published"]
    now = found(orders(c=dns("c.test", "new")), before=before)
    assert [each["value"] for each in now["records"]] == ["new"]
    assert [each["value"] for each in now["over"]["records"]] == ["old"]


def test_files_go_to_the_hosts_of_their_certificate() -> None:
    now = found(orders(a=file("a.test", "x")))
    item = {"name": "a.test", "domain": "a.test", "path": PATH, "content": "x"}
    assert now["files"] == {"web1": [item], "web2": [item]}
    moved = publications([orders(a=None)], [{"name": "a.test", "hosts": "web1"}], HOSTS, now["published"])
    assert moved["over"]["files"] == now["files"]
    kept = publications([orders(a=file("a.test", "x"))], [{"name": "a.test", "hosts": "web1"}], HOSTS, now["published"])
    assert kept["files"] == now["files"]  # it has to be removed there, too


def test_one_content_on_a_host() -> None:
    now = found(orders(a=file("a.test", "x"), b=file("b.test", "y")))
    assert list(now["refused"]) == ["b.test"]
    assert now["refused"]["b.test"].startswith(f"web2 has one file {PATH}, and it is for a.test now. Run again when")
    assert [each["content"] for each in now["files"]["web2"]] == ["x"]
    assert [each["name"] for each in now["published"]] == ["a.test"]
    same = found(orders(a=file("a.test", "x"), b=file("b.test", "x")))
    assert same["refused"] == {}


def test_who_was_first_keeps_the_file() -> None:
    before = found(orders(b=file("b.test", "y")))["published"]
    now = found(orders(a=file("a.test", "x"), b=file("b.test", "y")), before=before)
    assert list(now["refused"]) == ["a.test"]
    assert [each["name"] for each in now["published"]] == ["b.test"]


@pytest.mark.parametrize("before", [{}, "text", [1], [{"name": "a.test"}]])
def test_a_damaged_memory_is_refused(before: Any) -> None:
    with pytest.raises(UsageError, match=r"is damaged") as caught:
        found(before=before)
    assert "validation.json" in caught.value.sentence()
