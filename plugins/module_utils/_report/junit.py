# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JUnit XML, for gates in CI (pure): a test case for each certificate, and one for each of its endpoints and hosts.

What is an error in the report is a failure here. Warnings go to the output of the test case.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from .._core.errors import clean

_LONGEST = 1000
# what XML 1.0 does not allow, and clean() leaves in: lone surrogates, and the two that are no characters
_FORBIDDEN = re.compile("[\ud800-\udfff\ufffe\uffff]")
# Problems that belong to one endpoint or host have test cases of their own.
_ELSEWHERE = ("not_served", "mismatch")


def render(report: Mapping[str, Any]) -> bytes:
    cases: list[str] = []
    failures = 0
    for record in report["certificates"]:
        for name, problems in _cases(record):
            failed = [problem for problem in problems if problem["severity"] == "error"]
            failures += bool(failed)
            cases.append(_case(record, name, failed, [problem for problem in problems if problem not in failed]))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<!-- certfleet report %s -->" % report["digest"],
        '<testsuites tests="%d" failures="%d" errors="0">' % (len(cases), failures),
        '<testsuite name=%s tests="%d" failures="%d" errors="0" skipped="0" timestamp="%s" time="0">'
        % (_quoted(report["title"]), len(cases), failures, report["generated"][:19]),
        *cases,
        "</testsuite>",
        "</testsuites>",
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _cases(record: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Names of test cases, each with its problems."""
    own = record["kind"] == "certificate"
    yield record["name"], [each for each in record["problems"] if not own or each["code"] not in _ELSEWHERE]
    if not own:
        return
    for each in record["endpoints"]:
        where = "%s:%s" % (each["address"], each["port"])
        name = "%s at %s" % (record["name"], "%s, %s" % (each["host"], where) if each["host"] else where)
        yield name, _wrong(each, "it serves %s, not %s" % (each["serial"] or "another certificate", record["serial"]))
    for each in record["deployed"]:
        text = "it has %s on disk, not %s" % (each["serial"] or "no readable certificate", record["serial"])
        yield "%s on %s" % (record["name"], each["host"]), _wrong({**each, "fingerprint": "", "reason": None}, text)


def _wrong(each: Mapping[str, Any], text: str) -> list[Mapping[str, Any]]:
    if each["matches"]:
        return []
    if each["fingerprint"] is None:
        return [{"code": "not_served", "severity": "error", "text": each["reason"] or "nothing is known"}]
    return [{"code": "mismatch", "severity": "error", "text": text}]


def _case(
    record: Mapping[str, Any], name: str, failed: Sequence[Mapping[str, Any]], warnings: Sequence[Mapping[str, Any]]
) -> str:
    group = "certfleet.%s" % (record["issuer"] or ("watched" if record["kind"] == "endpoint" else "certificates"))
    head = '<testcase classname=%s name=%s time="0"' % (_quoted(group), _quoted(name))
    inner = ""
    if failed:
        texts = [problem["text"] for problem in failed]
        inner += "<failure type=%s message=%s>%s</failure>" % (
            _quoted(failed[0]["code"]),
            _quoted("; ".join(texts)),
            _text("\n".join(map(_line, texts))),
        )
    if warnings:
        inner += "<system-out>%s</system-out>" % _text("\n".join(_line(problem["text"]) for problem in warnings))
    return "%s>%s</testcase>" % (head, inner) if inner else head + "/>"


def _line(text: Any) -> str:
    return _FORBIDDEN.sub("\ufffd", clean(text, _LONGEST))


def _quoted(text: Any) -> str:
    return quoteattr(_line(text))


def _text(text: str) -> str:
    return escape(text)
