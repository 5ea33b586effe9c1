# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be turned at the simulated SSLmarket: by ``--sslmarket-knobs``, and while it runs by ``PUT /sslmarket/knobs``.

``--sslmarket-knobs=book_delay=0.4,list_limit=10,wrong_type=years+state,state_words=waiting:pending+reissue:processing``
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

STATE_WORDS = {
    "waiting": "waiting",
    "published": "published",  # the only documented word
    "reissue": "reissue",
    "revoked": "revoked",
    "expired": "expired",
}


@dataclass(frozen=True)
class Knobs:
    """Seconds are seconds; a delay is the fixed part plus a part drawn from 0..max by `seed`."""

    seed: int = 1
    # When things happen
    book_delay: float = 0.0  # the order is booked this long after the POST came, also when its client has gone
    book_delay_max: float = 0.0
    list_lag: float = 0.0  # order/list does not show an order before
    list_lag_max: float = 0.0
    detail_lag: bool = False  # order/order_id does not either
    issue_delay: float = 0.0  # from the last validation to the certificate
    issue_delay_max: float = 0.0
    never_issue: bool = False
    # Domain validation
    dcv: str = "look"  # none: every name counts as validated
    dcv_on_apex: bool = True  # a TXT record on the name itself counts, not just one on _dnsauth
    dcv_parents: bool = False  # a record of a parent domain counts
    dcv_on_reissue: bool = False  # a reissue needs validation again, with a new dv_auth_content
    dcv_content_days: int = 30  # how long a dv_auth_content is good
    # What answers look like
    state_words: dict[str, str] = field(default_factory=lambda: dict(STATE_WORDS))
    csr_while_reissuing: str = "new"  # old: the detail has the CSR of the last certificate
    download_while_reissuing: bool = True  # of the last certificate
    expired_is: str = "term"  # certificate: the end of the certificate
    date_format: str = "%Y-%m-%d %H:%M:%S"
    clock_offset: float = 0.0  # seconds that are added to every date shown: a time zone, or a wrong clock
    serial_format: str = "hex"  # lower_hex, colons, decimal
    p7b_format: str = "pem"  # base64, der
    error_member: str = "error"  # the documentation does not name the two members of a refusal
    description_member: str = "description"
    echo_secret: bool = False  # a refusal repeats the token that was sent
    # Wrong answers
    list_limit: int = 0  # order/list shows only so many of the newest orders
    duplicate_in_list: bool = False
    omit_closed: bool = False  # order/list has no revoked and no expired orders
    omit_published: bool = False
    second_answer_differs: bool = False  # every second order/list is empty, every second detail knows of no certificate
    wrong_type: list[str] = field(default_factory=list)  # members that get another type
    replace: dict[str, Any] = field(default_factory=dict)  # members that get another value
    # Certificates
    certificate_days: int = 199
    auto_reissue: bool = True  # what orders of more than one year say
    check_csr_names: bool = True
    short_days: int = 0  # certificates last so long, whatever was ordered
    drop_name: bool = False  # the last name is missing
    extra_name: str = ""  # one more name
    wrong_key: bool = False
    expired: bool = False
    not_yet_valid: bool = False
    is_ca: bool = False
    wrong_usage: bool = False  # not for TLS servers
    same_serial: bool = False  # a reissue has the serial number of the last certificate
    no_chain: bool = False
    reversed_chain: bool = False

    def changed(self, **values: Any) -> Knobs:
        """The same with other values; raises ValueError."""
        known = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no knob {name!r}")
            _check(name, known[name], value)
        if "state_words" in values:
            values = {**values, "state_words": {**self.state_words, **values["state_words"]}}
        return replace(self, **values)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


CHOICES = {
    "dcv": ("look", "none"),
    "csr_while_reissuing": ("new", "old"),
    "expired_is": ("term", "certificate"),
    "serial_format": ("hex", "lower_hex", "colons", "decimal"),
    "p7b_format": ("pem", "base64", "der"),
}


def _check(name: str, now: Any, value: Any) -> None:
    kinds = (float, int) if isinstance(now, float) else type(now)
    if not isinstance(value, kinds) or (isinstance(value, bool) and not isinstance(now, bool)):
        raise ValueError(f"{name} is of the type {type(now).__name__}")
    if isinstance(value, (int, float)) and value < 0 and name != "clock_offset":
        raise ValueError(f"{name} cannot be negative")
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{name} is one of {', '.join(CHOICES[name])}")
    if name == "state_words" and isinstance(value, dict):
        wrong = [key for key, word in value.items() if key not in STATE_WORDS or not isinstance(word, str)]
        if wrong:
            raise ValueError(f"state_words has words for {', '.join(STATE_WORDS)}")


def parse(text: str) -> Knobs:
    """From the command line; raises ValueError."""
    knobs = Knobs()
    for part in filter(None, text.split(",")):
        name, separator, value = part.partition("=")
        if not (separator and name in Knobs.__dataclass_fields__):
            raise ValueError(f"there is no knob {name!r}")
        knobs = knobs.changed(**{name: _value(getattr(knobs, name), value)})
    return knobs


def _value(now: Any, text: str) -> Any:
    if isinstance(now, bool):
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if isinstance(now, (int, float)):
        return type(now)(text)
    if isinstance(now, list):
        return [part for part in text.split("+") if part]
    if isinstance(now, dict):
        return dict(part.partition(":")[::2] for part in text.split("+") if part)
    return text
