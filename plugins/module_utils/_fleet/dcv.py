# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be published for the CA to validate domains, where, and what is no longer needed (pure).

A validation may outlast a run: what was published is remembered, so that a later run removes it.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping

from .._core.errors import UsageError
from .hosts import Hosts

_RECORD = ("name", "domain", "record", "type", "value")
_FILE = ("name", "domain", "path", "content", "hosts")


def publications(results: Any, certificates: Iterable[Mapping[str, Any]], hosts: Hosts, before: Any) -> dict[str, Any]:
    """``results``: of ``sslmarket_order`` and ``sslmarket_certificate``, the later ones are right. ``before``: what is published already."""
    known = {certificate["name"]: certificate for certificate in certificates}
    earlier = _remembered(before)
    latest = _latest(results)
    needed = [item for name in known for item in _items(name, latest.get(name), known[name], hosts)]
    for item in needed:
        if "hosts" in item:  # also where it was put when the certificate had other hosts
            old = next((each for each in earlier if _same(each, item)), item)
            item["hosts"] = list(dict.fromkeys([*item["hosts"], *old["hosts"]]))
    refused = _refused(needed, earlier)
    needed = [item for item in needed if item["name"] not in refused]
    left = [item for item in earlier if not any(_same(item, other) for other in needed)]
    # of what did not come to its end nothing is known: it stays
    kept = [item for item in left if item["name"] in known and item["name"] not in latest]
    return {
        "records": [item for item in needed if "record" in item],
        "files": _by_host(needed),
        "refused": refused,
        "over": {
            "records": [item for item in left if "record" in item and item not in kept],
            "files": _by_host([item for item in left if item not in kept]),
        },
        "published": needed + kept,
    }


def _remembered(before: Any) -> list[dict[str, Any]]:
    items = before if before is not None else []
    for item in items if isinstance(items, (list, tuple)) else [None]:
        if not isinstance(item, Mapping) or not (set(_RECORD) <= set(item) or set(_FILE) <= set(item)):
            raise UsageError(
                "the list of what is published for validation is damaged",
                hint="Remove the file validation.json of the state directory. TXT records and files may stay behind.",
            )
    return [dict(item) for item in items]


def _latest(results: Any) -> dict[str, Any]:
    """What each certificate still needs published, ``None`` for nothing."""
    found: dict[str, Any] = {}
    for result in _each(results):
        for order in result.get("orders") or ():
            found[order["name"]] = order.get("dcv")
        for certificate in result.get("certificates") or ():
            found[certificate["name"]] = certificate.get("dcv") if certificate.get("waiting") else None
    return found


def _each(results: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for result in results:
        if "results" in result:
            yield from _each(result["results"])
        else:
            yield result


def _items(name: str, dcv: Any, certificate: Mapping[str, Any], hosts: Hosts) -> Iterator[dict[str, Any]]:
    for record in (dcv or {}).get("records") or ():
        yield {"name": name, **{key: record[key] for key in _RECORD if key != "name"}}
    if (dcv or {}).get("files"):
        places = list(hosts.of(certificate["hosts"])) if "hosts" in certificate else []
        for file in dcv["files"]:
            yield {
                "name": name,
                "domain": file["domain"],
                "path": file["path"],
                "content": file["content"],
                "hosts": places,
            }


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in (*_RECORD, *_FILE) if key != "hosts")


def _refused(needed: Iterable[Mapping[str, Any]], earlier: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Certificates that need another content in a file that is taken. What was published first has it."""
    taken: dict[tuple[str, str], Mapping[str, Any]] = {}
    refused: dict[str, str] = {}
    files = [item for item in needed if "hosts" in item]
    first = [item for item in files if any(_same(item, other) for other in earlier)]
    for item in first + [item for item in files if item not in first]:
        for host in item["hosts"]:
            holder = taken.setdefault((host, item["path"]), item)
            if holder["content"] != item["content"]:
                refused.setdefault(
                    str(item["name"]),
                    "%s has one file %s, and it is for %s now. Run again when that is issued, or set challenge: dns-01."
                    % (host, item["path"], holder["name"]),
                )
    return refused


def _by_host(items: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        for host in item.get("hosts") or ():
            file = {key: item[key] for key in _FILE if key != "hosts"}
            found.setdefault(host, []).append(file)
    return found
