# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML page. On the controller alone: Jinja2 comes with Ansible, and the page's parts are files of the collection.

Text reaches the page by two ways: through the template, which escapes it, and as JSON in a script element, which has no ``<`` in it. The
script writes text with ``textContent`` alone, and the page's own policy lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

PARTS = Path(__file__).with_name("report_page")
_PROBLEMS = 10
# HTML5 ends or comments a script element by these, and older JavaScript takes the separators for ends of lines
_ESCAPES = {ord(character): "\\u%04x" % ord(character) for character in "<>&\u2028\u2029"}


def render(report: Mapping[str, Any], plan: Mapping[str, Any] | None = None) -> bytes:
    """The page of a report. ``plan``: what ``_report.plan.shown`` makes of a plan."""
    environment = Environment(
        loader=FileSystemLoader(PARTS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False
    )
    style, script = (PARTS.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    counts, wrong = report["counts"], report["counts"]["error"] + report["counts"]["warning"]
    text = environment.get_template("page.html.j2").render(
        report=report,
        digest=report["digest"],
        headline=_headline(counts),
        tiles=_tiles(report),
        kinds=_kinds(report),
        problems=report["certificates"][: min(_PROBLEMS, wrong)],
        wrong=wrong,
        more=wrong > _PROBLEMS,
        plan=plan,
        style=Markup(style),
        style_hash=Markup(_hash(style)),
        script=Markup(script),
        script_hash=Markup(_hash(script)),
        data=Markup(embedded({**_small(report), **({"plan": plan} if plan else {})})),
    )
    return text.encode("utf-8", "replace")


def embedded(value: Any) -> str:
    """JSON that can stand in a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _hash(text: str) -> str:
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _headline(counts: Mapping[str, int]) -> str:
    if counts["error"] or counts["warning"]:
        return "%d with errors, %d with warnings" % (counts["error"], counts["warning"])
    return "%d in order" % counts["ok"]


def _kinds(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How many certificates have which problem: an error where it is one for some of them."""
    found: dict[str, dict[str, Any]] = {}
    for record in report["certificates"]:
        for code in {problem["code"] for problem in record["problems"]}:
            kind = found.setdefault(
                code, {"code": code, "text": code.replace("_", " "), "count": 0, "severity": "warning"}
            )
            kind["count"] += 1
            if any(problem["code"] == code and problem["severity"] == "error" for problem in record["problems"]):
                kind["severity"] = "error"
    return sorted(found.values(), key=lambda kind: (kind["severity"], -kind["count"], kind["code"]))


def _tiles(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    counts = report["counts"]
    due = sum(bool(record["renewal"] and record["renewal"]["due"]) for record in report["certificates"])
    return [
        {"kind": "error", "show": "error", "count": counts["error"], "text": "with errors"},
        {"kind": "warning", "show": "warning", "count": counts["warning"], "text": "with warnings"},
        {"kind": "ok", "show": "ok", "count": counts["ok"], "text": "in order"},
        {"kind": "next", "show": "renewals", "count": due, "text": "renewals due now"},
        {"kind": "all", "show": "", "count": counts["certificates"], "text": "certificates"},
    ]


def _small(report: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the page can do without: nothing that is null, false or empty, and no repetitions."""
    certificates = []
    for record in report["certificates"]:
        small = _full(record)
        small.pop("proof", None)
        small["endpoints"] = [_endpoint(each) for each in record["endpoints"]]
        small["deployed"] = [
            _full({**each, "serial": None if each["matches"] else each["serial"]}) for each in record["deployed"]
        ]
        certificates.append(_full(small))
    keys = ("title", "generated", "warn_days", "fail_days", "freezes")
    return {**{key: report[key] for key in keys}, "certificates": certificates}


def _endpoint(each: Mapping[str, Any]) -> dict[str, Any]:
    known = {"fingerprint", "not_after", *(["serial"] if each["matches"] else [])}
    return _full({key: value for key, value in each.items() if key not in known})


def _full(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in value.items() if each not in (None, False, [], "")}
