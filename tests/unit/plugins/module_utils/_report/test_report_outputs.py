# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus, JUnit, the terminal and the page: what a report becomes, also when every text in it is hostile."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError
from ansible_collections.certfleet.reseller.plugins.module_utils._report import junit, outputs, prometheus
from ansible_collections.certfleet.reseller.plugins.module_utils._status import report, summary
from ansible_collections.certfleet.reseller.plugins.plugin_utils import page

from tests.support.reports import HOSTILE, MARK, report_of

FINE = report_of("www.alpha.example", "web1")
TEXTS = [*HOSTILE, "plain.example"]
IDS = [repr(text)[:40] for text in TEXTS]
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# the text format: https://prometheus.io/docs/instrumenting/exposition_formats/
SAMPLE = re.compile(
    r'(?P<name>[a-z_]+)(?:\{(?P<labels>[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*)\})? (?P<value>[0-9.]+)'
)


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The metrics of a text file; it must be one."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    seen, typed = set(), set()
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in typed
            assert kind == "gauge"
            typed.add(name)
        elif not line.startswith(("# HELP ", "# certfleet report ")):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match["name"] in typed, line
            assert line.rpartition(" ")[0] not in seen, line
            seen.add(line.rpartition(" ")[0])
            labels = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match["labels"] or "")
            plain = {name: re.sub(r"\\(.)", r"\1", value) for name, value in labels}
            found.setdefault(match["name"], []).append((plain, float(match["value"])))
    return found


def test_metrics() -> None:
    found = samples(prometheus.render(FINE).decode())
    who = {"name": "www.alpha.example", "issuer": "www.alpha.example"}
    assert found["certfleet_certificate_not_after_timestamp_seconds"][0] == (who, 1795597200.0)
    assert found["certfleet_report_timestamp_seconds"] == [({}, 1795338000.0)]
    assert [(labels["state"], value) for labels, value in found["certfleet_certificates"]] == [
        ("error", 4),
        ("warning", 0),
        ("ok", 0),
    ]
    assert found["certfleet_certificate_revoked"][0] == (who, 1)
    place = {"host": "web1", "address": "www.alpha.example", "port": "443", "server_name": "www.alpha.example"}
    served = [(labels, value) for labels, value in found["certfleet_endpoint_served"] if labels["issuer"]]
    assert served == [({**who, **place, "starttls": "smtp"}, 1)]  # of labels that are the same the first one
    kinds = {labels["problem"] for labels, _value in found["certfleet_certificate_problems"]}
    assert {"expiring", "revoked", "mismatch", "not_served", "damaged"} <= kinds
    for name in found:
        assert name.startswith("certfleet_")
        assert not name.endswith("_total")
        assert ("timestamp" in name) == name.endswith("_timestamp_seconds")


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_labels_are_escaped(text: str) -> None:
    rendered = prometheus.render(report_of(text)).decode()
    assert not CONTROL.search(rendered)
    found = samples(rendered)
    assert set(found) == set(samples(prometheus.render(FINE).decode()))
    shown = {labels["name"] for labels, _value in found["certfleet_certificate_info"]}
    assert all(MARK in name or "plain" in name for name in shown)


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_junit_is_xml_with_these_failures(text: str) -> None:
    content = junit.render(report_of(text))
    assert not CONTROL.search(content.decode())
    root = ElementTree.fromstring(content)
    assert {element.tag for element in root.iter()} <= {"testsuites", "testsuite", "testcase", "failure", "system-out"}
    (suite,) = root
    cases, failures = list(suite), list(suite.iter("failure"))
    assert (int(suite.get("tests", "")), int(suite.get("failures", ""))) == (len(cases), len(failures))
    # two certificates, their three endpoints and two sets on a host, two watched servers
    assert len(cases) == 2 + 3 + 2 + 2
    kinds = sorted(failure.get("type", "") for failure in failures)
    assert kinds == sorted(
        ["expiring", "damaged", "not_served", "mismatch", "mismatch", "mismatch", "expiring", "not_served"]
    )
    revoked = [failure for failure in failures if "revoked" in failure.get("message", "")]
    assert len(revoked) == 1


def test_a_certificate_in_order_does_not_fail() -> None:
    found = json.loads(json.dumps(FINE))
    for each in found["certificates"]:
        each["problems"] = [problem for problem in each["problems"] if problem["severity"] == "warning"]
        each["endpoints"], each["deployed"] = each["endpoints"][:1], []
    suite = ElementTree.fromstring(junit.render(found))[0]
    assert suite.get("failures") == "0"
    assert "www.alpha.example at web1, www.alpha.example:443" in [case.get("name") for case in suite]


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_terminals_get_plain_lines(text: str) -> None:
    lines = summary.lines(report_of(text), 20)
    assert len(lines) == 4 + 1 + 1
    assert all(line.encode("utf-8", "replace") for line in lines)
    assert not CONTROL.search("".join(lines))
    assert "\n" not in "".join(lines)


# --- the page ---------------------------------------------------------------------------------------------------------


class Outline(HTMLParser):
    """Elements with their attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self.texts: list[str] = []
        self._inside: tuple[str, dict[str, str | None]] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag, dict(attrs)
            self.raw.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag == self._inside[0]:
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside:
            tag, attributes, text = self.raw.pop()
            self.raw.append((tag, attributes, text + data))
        else:
            self.texts.append(data)


def outline(found: dict[str, Any]) -> Outline:
    return Outline(page.render(found).decode("utf-8"))


def shape(found: Outline) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(sorted(attributes))) for tag, attributes in found.elements]


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_hostile_text_does_not_change_the_page(text: str) -> None:
    found = outline(report_of(text))
    assert shape(found) == shape(outline(FINE))
    scripts = [(attributes, content) for tag, attributes, content in found.raw if tag == "script"]
    assert [attributes.get("type") for attributes, _content in scripts] == ["application/json", None]
    assert not set(scripts[0][1]) & set("<>&\u2028\u2029")
    data = json.loads(scripts[0][1])
    assert MARK in data["certificates"][0]["name"] or "plain" in data["certificates"][0]["name"]
    plain = page.render(report_of(text)).decode()
    assert not CONTROL.search(plain)


def test_no_other_script_may_run() -> None:
    found = outline(FINE)
    (policy,) = (each["content"] for tag, each in found.elements if each.get("http-equiv") == "Content-Security-Policy")
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    texts = {tag: content for tag, attributes, content in found.raw if "type" not in attributes}
    for rule, tag in (("script-src", "script"), ("style-src", "style")):
        digest = base64.b64encode(hashlib.sha256(texts[tag].encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    names = {name for _tag, attributes in found.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src", "srcset", "action")]
    links = [each["href"] for _tag, each in found.elements if "href" in each]
    assert links == ["#certificates"]
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttp",
        "import(",
    ):
        assert word not in texts["script"], word
    assert not re.search(r"url\(|@import|https?://", texts["style"])
    assert set(re.findall(r"https?://[^\"']+", texts["script"])) == {"http://www.w3.org/2000/svg"}


def test_screen_readers_find_their_way() -> None:
    found = outline(FINE)
    assert ("html", {"lang": "en"}) in found.elements
    tags = [tag for tag, _attributes in found.elements]
    assert tags.count("h1") == tags.count("main") == tags.count("caption") == 1
    ids = {attributes["id"] for _tag, attributes in found.elements if "id" in attributes}
    for _tag, attributes in found.elements:
        for name in ("aria-labelledby", "list"):
            assert attributes.get(name, next(iter(ids))) in ids
    sorts = [attributes["aria-sort"] for tag, attributes in found.elements if tag == "th" and "aria-sort" in attributes]
    assert sorts == ["ascending"] + ["none"] * 5
    assert all(attributes.get("scope") == "col" for tag, attributes in found.elements if tag == "th")
    inputs = [tag for tag in tags if tag in ("input", "select")]
    assert len(inputs) == tags.count("label")


def test_contrast_is_enough() -> None:
    """WCAG 2.2, success criterion 1.4.3: 4.5 to 1, for each text colour on each ground that it is on, light and dark."""
    style = (page.PARTS / "page.css").read_text()
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\n *\}", style, re.S)[:2]
    )
    pairs = [
        (text, ground)
        for text in ("ink", "faint", "accent", "error", "warning", "ok")
        for ground in ("card", "back", "soft")
    ]
    pairs += [(state, state + "-soft") for state in ("error", "warning", "ok")]
    ratios = {
        (name, *pair): ratio(*(colours[each] for each in pair))
        for name, colours in (("light", light), ("dark", dark))
        for pair in pairs
    }
    print(f"\n{len(ratios)} pairs of colours, the least contrast is {min(ratios.values()):.2f}")
    assert {pair: round(value, 2) for pair, value in ratios.items() if value < 4.5} == {}


def ratio(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_counts_as_changed_when_the_fleet_is(tmp_path: Any) -> None:
    path = tmp_path / "new" / "certfleet.prom"
    first = outputs.output(str(path), prometheus.render(FINE), FINE["digest"])
    assert first.changed
    outputs.write(first)
    later = {**FINE, "generated": "2026-11-23T09:00:00Z"}
    again = outputs.output(str(path), prometheus.render(later), later["digest"])
    assert not again.changed
    assert again.content != path.read_bytes()
    other = report_of("other.example")
    assert outputs.output(str(path), prometheus.render(other), other["digest"]).changed
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_other_files_are_no_reports() -> None:
    for content, words in (
        (b"", "not a report"),
        (b"[]", "not a report"),
        (b'{"version": 2, "certificates": []}', "version 2"),
    ):
        with pytest.raises(StateError, match=words):
            report.decode(content, "report.json")
