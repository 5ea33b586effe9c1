# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports for tests: of plain records, and of records in which everything that is text is hostile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._status import model, observed, record, report
from ansible_collections.certfleet.reseller.plugins.module_utils._status.model import Issued, Leaf, Look, Target

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SETTINGS = model.Settings(warn_days=14, fail_days=7, timeout=10, endpoint_timeout=1, workers=4)

# Each means something to HTML, JavaScript, XML, Prometheus, a terminal or a reader. MARK is what a test looks for.
MARK = "hostile"
HOSTILE = (
    f"<script>{MARK}()</script>",
    f"</script><img src=x onerror={MARK}()>",
    f"<!--<script>{MARK}",
    f"]]>--><{MARK} a='b' c=\"d\">",
    f'"{MARK}" \\" \' `',
    f"&lt;{MARK}&gt; &amp; &#x3c;",
    f'{MARK}\n# TYPE evil counter\nevil{{x="y"}} 1',
    f'{MARK}"}} 1\\',
    f"{MARK}\x1b]0;title\x07\x1b[31mred\x1b[0m\x9b2J",
    f"{MARK}\u2028alert(1)\u2029",
    f"{MARK}\u202egnp.exe\u2066\u2069",
    f"{MARK}\x00\x08\x7f\r\t",
    f"{MARK}\ud800\uffff\ufffe",
    f"{{{{ {MARK} }}}}{{% for x in y %}}",
    f"javascript:{MARK}()//\u00fc\U0001f600",
)


def report_of(text: str, host: str | None = None) -> dict[str, Any]:
    """A report with this text wherever there is one, and problems of all kinds."""
    host = text if host is None else host
    end = NOW + timedelta(days=3)
    leaf = Leaf("4a1f", "a" * 64, NOW - timedelta(days=80), end, (text,), text, text, 256)
    target = Target(text, 443, text, "smtp", host, text)
    looks = [
        Look(target, NOW, leaf),
        Look(target, NOW, None, text),
        Look(target, NOW, Leaf("3b2e", "b" * 64, NOW, end)),
    ]
    meta = {"order_id": 7, "order_url": text, "profile": text, "provider": text}
    entry = {"name": text, "issuer": text, "provider": text, "domains": [text], "hosts": [host, text + "2"]}
    facts = record.Facts(
        wanted=model.certificate({"renewal": {}}, entry),
        issued=Issued(leaf, meta),
        looks=looks,
        deployed=[observed.Deployed(host, text, "3b2e"), observed.Deployed(host, text, text)],
        silent=[(host, text)],
        revocation={"status": "revoked", "reason": text, "this_update": None},
        term_end=NOW + timedelta(days=20),
        asked=True,
    )
    damaged = record.Facts(
        model.certificate({"renewal": {}}, {**entry, "name": text + "1"}), Issued(None, {}, damage=text)
    )
    records = [record.of_set(each, SETTINGS, NOW) for each in (facts, damaged)]
    records += [record.of_endpoint(each, {"status": "invalid", "reason": text}, SETTINGS, NOW) for each in looks[:2]]
    rules = [{"name": text, "cron": "0 0 * * 0", "duration": "1d", "zone": "UTC"}]
    freezes = [{"id": "freezes-1", "rules": rules, "windows": [["2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"]]}]
    return report.document(records, SETTINGS, NOW, title=text, freezes=freezes)
