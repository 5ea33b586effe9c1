# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus sees. No label holds anything of a request."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

ANSWERS = Counter("certfleet_hook_answers", "Answers by endpoint, status and reason", ["endpoint", "status", "code"])
SECONDS = Histogram(
    "certfleet_hook_seconds",
    "Time from the request's head to its answer",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BATCH = Histogram("certfleet_hook_batch", "Requests stored by one commit", buckets=(1, 2, 5, 10, 20, 50, 100, 200))
FAILURES = Counter("certfleet_hook_failures", "Requests that could not be stored")
POLICY_GOOD = Gauge("certfleet_hook_policy_good", "1 if the policy file is the policy in use, 0 if it was refused")
POLICY_LOADED = Gauge("certfleet_hook_policy_loaded_seconds", "When the policy in use was loaded, seconds since 1970")
CUSTOMERS = Gauge("certfleet_hook_customers", "Customers in the policy")
AVAILABLE = Gauge(
    "certfleet_hook_available", "What a customer may still order, in hundredths or certificates", ["customer", "unit"]
)
RECORDS = Gauge("certfleet_hook_records", "Lines of the decision log")
UNREAD = Gauge("certfleet_hook_events_waiting", "Events that a consumer has not acknowledged", ["consumer"])


@cache  # finding the series takes as long as counting
def answers(endpoint: str, status: int, code: str) -> Counter:
    return ANSWERS.labels(endpoint, str(status), code)
