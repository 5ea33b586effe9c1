# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the offered chains is taken."""

from __future__ import annotations

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import chains

from tests.support import pki

OLD, NEW = pki.authority("Old Root"), pki.authority("New Root")
MIDDLE = pki.authority("Middle", NEW)
CROSS = pki.authority("New Root", OLD, key=NEW.key)
SERVER = pki.server(["a.example"], MIDDLE)
LONG, SHORT = SERVER.pem + MIDDLE.pem + CROSS.pem, SERVER.pem + MIDDLE.pem


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (None, (LONG, True)),
        ("Old Root", (LONG, True)),
        ("New Root", (SHORT, True)),
        ("Middle", (LONG, False)),
        ("new root", (LONG, False)),
        ("", (LONG, False)),
    ],
)
def test_the_issuer_of_the_topmost_certificate_decides(wish: str | None, expected: tuple[bytes, bool]) -> None:
    assert chains.choose([LONG, SHORT], wish) == expected


def test_the_first_of_several_that_fit_is_taken() -> None:
    assert chains.choose([SHORT, SHORT + b"\n"], "New Root").chain == SHORT


@pytest.mark.parametrize("offered", [[], [LONG, b"junk"]])
def test_unreadable_offers_are_refused(offered: list[bytes]) -> None:
    with pytest.raises(InvalidData, match="chain"):
        chains.choose(offered, "New Root")
