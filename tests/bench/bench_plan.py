# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five thousand certificates planned for two years, through the step to 47 days, and a year of 1,000 at 47 days.

CPU seconds of the simulation alone, with frozen weekends, two outages of five days and 5 % of 400 hosts down; each certificate is on two hosts.

    make bench        or: python -m tests.bench.bench_plan [--certificates 5000]
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime, timedelta

from ansible_collections.certfleet.reseller.plugins.module_utils._planner.model import (
    DAY,
    Certificate,
    Issuer,
    Outage,
    Scenario,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.simulate import simulate
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal import policy
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.limits import Limits

TARGET = 8.0  # CPU seconds for each plan
START = datetime(2028, 6, 1, 6, tzinfo=UTC)
WEEKEND = {"cron": "0 18 * * 5", "duration": "62h", "zone": "Europe/Prague"}


def plan(count: int, days: int, life: timedelta | None, limit: int | None) -> bool:
    outages = tuple(Outage("a", START + day * DAY, START + (day + 5) * DAY) for day in (100, 250))
    issuer = Issuer("a", public=life is None, life=life, limits=Limits(own=limit))
    rule = policy.build(policy.check({"freezes": [WEEKEND]}))
    certificates = []
    for number in range(count):
        begin = START - number / count * 30 * DAY
        hosts = tuple(f"host{(number * 3 + place) % 400}" for place in range(2))
        certificates.append(Certificate(f"c{number}.example", "a", rule, hosts, begin, begin + issuer.life_at(begin)))
    scenario = Scenario(START, START + days * DAY, outages=outages, down_share=0.05)
    before = time.process_time()
    outcome = simulate(scenario, {"a": issuer}, certificates)
    seconds = time.process_time() - before
    left = outcome.tightest.left / DAY if outcome.tightest else 0
    print(
        f"  {count} certificates, {days} days, limit {limit or 'none'}: {seconds:.2f} s; {outcome.orders} orders, "
        f"{len(outcome.expired)} expired, least left {left:.1f} days"
    )
    return seconds < TARGET


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--certificates", type=int, default=5000)
    count = parser.parse_args().certificates
    fast = [
        plan(count, 730, None, None),
        plan(count, 730, None, count * 11 // 50),
        plan(count, 730, None, count * 6 // 50),
        plan(1000, 365, 47 * DAY, None),
    ]
    return 0 if all(fast) else 1


if __name__ == "__main__":
    sys.exit(main())
