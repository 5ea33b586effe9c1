# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as the page draws it: what certificate_plan writes is what is understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError
from ansible_collections.certfleet.reseller.plugins.module_utils._report import plan
from ansible_collections.certfleet.reseller.plugins.plugin_utils import page

from tests.support import modules
from tests.support.reports import report_of

START = "2029-04-01T06:00:00Z"


def planned(tmp_path: Path, **more: Any) -> dict[str, Any]:
    options = {
        "certificates": [{"name": "www.alpha.example", "issuer": "alpha"}],
        "issuers": [{"name": "alpha"}],
        "start": START,
        "end": "2030-04-01T06:00:00Z",
        **more,
    }
    done = modules.run("certificate_plan", options)
    assert not done.failed, done.output
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(done.result["plan"]))
    return plan.load(str(path))


def test_a_plan_in_which_all_goes_well(tmp_path: Path) -> None:
    found = planned(tmp_path)
    assert found["until"] == "2030-04-01"
    assert len(found["weeks"]) >= 52
    assert sum(week["orders"] for week in found["weeks"]) > 5
    assert [line["kind"] for line in found["lines"]] == ["ok", "next"]
    assert "nothing expires" in found["lines"][0]["text"]


def test_a_plan_in_which_something_expires(tmp_path: Path) -> None:
    found = planned(tmp_path, outages=[{"issuer": "alpha", "start": "2029-05-01", "days": 40}])
    kinds = [line["kind"] for line in found["lines"]]
    assert kinds[:2] == ["error", "error"]
    assert "next" in kinds
    assert "First to expire" in found["lines"][1]["text"]
    assert found["outages"] == [["2029-05-01", "2029-06-10"]]
    drawn = page.render(report_of("www.alpha.example", "web1"), found).decode()
    assert "The plan until 2030-04-01" in drawn
    assert 'id="plan"' in drawn


def test_a_plan_in_which_nothing_is_ever_issued(tmp_path: Path) -> None:
    found = planned(tmp_path, outages=[{"issuer": "alpha", "start": "2029-04-01", "days": 400}])
    assert {"kind": "error", "text": "Nothing is ever issued for 1 certificates"} in found["lines"]


@pytest.mark.parametrize("content", ["{}", '{"weeks": 3}', '{"weeks": [{}]}', "[]"])
def test_other_files_are_no_plans(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(StateError, match="not a plan|not a JSON object"):
        plan.load(str(path))
    with pytest.raises(StateError, match="there is no plan"):
        plan.load(str(tmp_path / "none.json"))
