# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a text file for the textfile collector of Prometheus' node exporter (pure).

Names and units as its "Metric and label naming" wants them, labels escaped as its "Text-based format" says.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, Iterable, Iterator, Mapping

from .._core.clock import parse_iso
from .._core.errors import clean

_LONGEST = 200
Labels = Mapping[str, Any]
Sample = "tuple[Labels, float]"


def render(report: Mapping[str, Any]) -> bytes:
    records = report["certificates"]
    lines = ["# certfleet report %s" % report["digest"]]
    generated = _seconds(report["generated"])
    lines += _metric("certfleet_report_timestamp_seconds", "When the report was made.", [({}, generated)])
    states = [({"state": state}, report["counts"][state]) for state in ("error", "warning", "ok")]
    lines += _metric("certfleet_certificates", "Certificates by their state.", states)
    for name, text, samples in _METRICS:
        lines += _metric("certfleet_" + name, text, samples(records))
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _metric(name: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    yield "# HELP %s %s" % (name, text)
    yield "# TYPE %s gauge" % name
    seen = set()
    for labels, value in samples:
        series = ",".join('%s="%s"' % (label, escaped(labels[label])) for label in labels)
        # one series twice, and the collector drops the whole file
        if series not in seen:
            seen.add(series)
            yield "%s%s %s" % (name, "{%s}" % series if series else "", _number(value))


def escaped(value: Any) -> str:
    """A label's value: control characters are left out, quotes and backslashes escaped."""
    text = clean("" if value is None else value, _LONGEST)
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return "%d" % value if value == int(value) else repr(value)


def _seconds(text: str) -> float:
    moment: datetime = parse_iso(text)
    return moment.timestamp()


def _who(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": record["name"], "issuer": record["issuer"] or ""}


def _moments(
    read: Callable[[Mapping[str, Any]], Any],
) -> Callable[[Iterable[Mapping[str, Any]]], Iterator[tuple[Labels, float]]]:
    def samples(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, float]]:
        for record in records:
            found = read(record)
            if found is not None:
                yield _who(record), _seconds(found)

    return samples


def _info(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, float]]:
    for record in records:
        more = {name: record[name] or "" for name in ("kind", "provider", "ca", "serial", "key_type")}
        yield {**_who(record), **more}, 1


def _problems(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, float]]:
    for record in records:
        found: dict[tuple[str, str], int] = {}
        for problem in record["problems"]:
            place = problem["code"], problem["severity"]
            found[place] = found.get(place, 0) + 1
        for (code, severity), count in found.items():
            yield {**_who(record), "problem": code, "severity": severity}, count


def _reissues(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, float]]:
    for record in records:
        if record["term"]:
            yield _who(record), record["term"]["reissues_due"]


def _revoked(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, float]]:
    """Of those whose CA has said so: what is not known is no zero."""
    for record in records:
        if record["revocation"]["status"] in ("good", "revoked"):
            yield _who(record), record["revocation"]["status"] == "revoked"


def _deployed(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, float]]:
    for record in records:
        for each in record["deployed"]:
            yield {**_who(record), "host": each["host"]}, each["matches"]


def _endpoint(record: Mapping[str, Any], each: Mapping[str, Any]) -> dict[str, Any]:
    where = {"host": each["host"] or "", "address": each["address"], "port": each["port"]}
    return {**_who(record), **where, "server_name": each["server_name"], "starttls": each["starttls"] or ""}


def _served(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, float]]:
    for record in records:
        for each in record["endpoints"]:
            yield _endpoint(record, each), each["matches"]


def _looks(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, float]]:
    for record in records:
        for each in record["endpoints"]:
            yield _endpoint(record, each), _seconds(each["at"])


def _member(outer: str, inner: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(record: Mapping[str, Any]) -> Any:
        return (record[outer] or {}).get(inner)

    return read


def _own(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(record: Mapping[str, Any]) -> Any:
        return record[name]

    return read


_METRICS: tuple[tuple[str, str, Callable[[Iterable[Mapping[str, Any]]], Iterator[tuple[Labels, float]]]], ...] = (
    ("certificate_info", "Facts of a certificate; always 1.", _info),
    ("certificate_not_before_timestamp_seconds", "From when on a certificate is valid.", _moments(_own("not_before"))),
    ("certificate_not_after_timestamp_seconds", "Until when a certificate is valid.", _moments(_own("not_after"))),
    (
        "certificate_renewal_timestamp_seconds",
        "From when on a certificate is renewed.",
        _moments(_member("renewal", "at")),
    ),
    (
        "certificate_paid_term_end_timestamp_seconds",
        "Until when reissues are paid for.",
        _moments(_member("term", "end")),
    ),
    ("certificate_reissues_due", "Renewals until the end of the paid term.", _reissues),
    ("certificate_revoked", "Whether a certificate is revoked, where the CA said so.", _revoked),
    ("certificate_problems", "Problems of a certificate by their kind.", _problems),
    ("certificate_deployed", "Whether a host has the issued certificate on its disk.", _deployed),
    ("endpoint_served", "Whether an endpoint serves the issued certificate.", _served),
    ("endpoint_handshake_timestamp_seconds", "When an endpoint was asked.", _looks),
)
