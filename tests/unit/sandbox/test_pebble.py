# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helper that runs pebble: EAB is required, and issuance works."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from acme import challenges, messages

from tests.support.pebble import Pebble, missing

from .acmeclient import challenge, client_of, register, request_for

KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")


def test_issuance_with_an_external_account() -> None:
    with Pebble({"kid-1": KEY}) as pebble:
        acme = client_of(pebble.directory_url, pebble.ca_path)
        with pytest.raises(messages.Error, match="externalAccountRequired"):
            register(acme, None, None, "admin@example.test")
        register(acme, "kid-1", KEY, "admin@example.test")
        order = acme.new_order(request_for(["pebble.test"])[1])
        found = challenge(order.authorizations[0], challenges.HTTP01)
        response, content = found.response_and_validation(acme.net.key)
        pebble.add_http01(found.chall.encode("token"), content)
        acme.answer_challenge(found, response)
        order = acme.poll_and_finalize(order, datetime.now() + timedelta(seconds=30))
        assert b"BEGIN CERTIFICATE" in pebble.issuing_root()
    assert "BEGIN CERTIFICATE" in order.fullchain_pem
