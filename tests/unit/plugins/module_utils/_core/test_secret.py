# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret comes out by `open()` alone."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.text.converters import jsonify
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret, box

VALUE = "cAnArY-0815"


@dataclasses.dataclass(frozen=True)
class Holder:
    name: str
    secret: Secret


SHOWN: list[Callable[[Secret], str]] = [
    str,
    repr,
    ascii,
    "{}".format,
    "{!r}".format,
    "%s".__mod__,
    "%r".__mod__,
    lambda secret: f"{secret}",
    lambda secret: f"{secret!s}",
    lambda secret: str([secret]),
    lambda secret: str({"a": secret}),
    lambda secret: repr(Holder("a", secret)),
    lambda secret: pprint.pformat({"a": [secret]}),
    lambda secret: str(ValueError(secret)),
    lambda secret: "".join(traceback.format_exception(ValueError("it is", secret))),
    lambda secret: logging.LogRecord("a", 10, "b", 1, "%s", (secret,), None).getMessage(),
    lambda secret: secret.digest(),
    lambda secret: str(dir(secret)),
]
FAILING: list[Callable[[Secret], Any]] = [
    json.dumps,
    lambda secret: json.dumps({"a": [secret]}),
    jsonify,
    pickle.dumps,
    lambda secret: pickle.dumps(secret, protocol=0),
    copy.copy,
    copy.deepcopy,
    lambda secret: dataclasses.asdict(Holder("a", secret)),
    yaml.safe_dump,
    yaml.dump,
    vars,
    bytes,
    list,
    len,
    lambda secret: "x" + secret,  # type: ignore[operator]
    lambda secret: "".join([secret]),  # type: ignore[list-item]
    lambda secret: f"{secret:>10}",
    lambda secret: setattr(secret, "more", 1),
]


@pytest.mark.parametrize("show", SHOWN)
def test_it_is_not_shown(show: Callable[[Secret], str]) -> None:
    assert VALUE not in show(Secret(VALUE))


@pytest.mark.parametrize("use", FAILING)
def test_it_does_not_pass_for_a_text(use: Callable[[Secret], Any]) -> None:
    with pytest.raises(Exception, match=".") as error:
        use(Secret(VALUE))
    assert VALUE not in str(error.value)


def test_use() -> None:
    assert Secret(VALUE).open() == VALUE
    assert str(Secret(VALUE)) == "<secret>"
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE), Secret("other")}) == 2
    assert Secret(VALUE).digest() == hashlib.sha256(VALUE.encode()).hexdigest()[:12]
    assert len(Secret("\ud800").digest()) == 12


def test_box() -> None:
    assert box(None) is None
    assert box("") is None
    assert box("a") == Secret("a")
