# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of a first run in which a server says no, or nothing at all."""

from __future__ import annotations

import base64
import json
import ssl
from typing import Any

from tests.support import modules, pki
from tests.support.fake_acme import problem
from tests.support.hostile import Play, head, raw, reply, silence
from tests.support.situations import SECRETS, Place, situation

PAGE = raw(head(404, {"Content-Type": "text/html"}) + b"<html><h1>Not Found</h1></html>")


def _sslcom(place: Place, play: Play, **more: Any) -> modules.Run:
    return place.run("sslcom_acme_credential", {"api_url": place.says(play), **more})


def _identrust(place: Place, play: Play, **more: Any) -> modules.Run:
    return place.run("identrust_account", {"api_url": place.says(play), **more})


def _sslmarket(place: Place, play: Play, **more: Any) -> modules.Run:
    return place.run("sslmarket_order", {"api_url": place.says(play) + "/api", **more})


# --- wrong keys -------------------------------------------------------------------------------------------------------


@situation
def sslcom_wrong_key(place: Place) -> modules.Run:
    return _sslcom(place, reply(401, {"errors": {"auth": f"no such key {SECRETS['account_key']}"}}))


@situation
def sslcom_no_right(place: Place) -> modules.Run:
    return _sslcom(place, reply(403, {"errors": ["insufficient privileges"]}))


@situation
def sslcom_refused_with_200(place: Place) -> modules.Run:
    return _sslcom(place, reply(200, {"errors": {"account_key": ["is invalid"]}}))


@situation
def identrust_wrong_key(place: Place) -> modules.Run:
    return _identrust(place, reply(401, {"message": "Unauthorized"}))


@situation
def identrust_no_right(place: Place) -> modules.Run:
    return _identrust(place, reply(403, {"message": "Forbidden"}))


@situation
def identrust_token_expired(place: Place) -> modules.Run:
    return _identrust(place, reply(401, {"message": "jwt expired"}), api_key=None, access_token=SECRETS["api_key"])


@situation
def identrust_wrong_client_secret(place: Place) -> modules.Run:
    refused = reply(401, {"error": "access_denied", "error_description": "Unauthorized"})
    access = {"client_id": "me", "client_secret": SECRETS["secret_key"], "token_url": place.says(refused)}
    return _identrust(place, reply(500), api_key=None, **access)


@situation
def sslmarket_wrong_token(place: Place) -> modules.Run:
    return _sslmarket(place, reply(401, {"error": "unauthorized", "description": "the token is not known"}))


@situation
def sslmarket_no_right(place: Place) -> modules.Run:
    return _sslmarket(place, reply(403, {"error": "forbidden"}))


@situation
def eab_wrong(place: Place) -> modules.Run:
    """The server takes part of the key for a key of its own that it does not know."""
    place.acme.eab_required = True
    place.acme.answers["newAccount"] = [problem(403, "unauthorized", "the external account binding is not valid")]
    return place.run("acme_account", {"eab_path": record(place)})


@situation
def eab_missing(place: Place) -> modules.Run:
    place.acme.eab_required = True
    return place.run("acme_account")


def record(place: Place) -> str:
    record = {
        "version": 1,
        "provider": "sslcom",
        "identity": "Alpha Ltd",
        "api_url": "https://sws.example",
        "kid": "kid-alpha",
        "hmac_key": base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("="),
        "directory_urls": [],
        "created": "2026-11-22T10:00:00Z",
    }
    return place.file("eab/alpha.json", json.dumps(record).encode())


# --- wrong addresses --------------------------------------------------------------------------------------------------


@situation
def api_url_wrong_path(place: Place) -> modules.Run:
    return _sslcom(place, PAGE)


@situation
def sslmarket_url_wrong_path(place: Place) -> modules.Run:
    return _sslmarket(place, PAGE)


@situation
def directory_url_wrong_path(place: Place) -> modules.Run:
    return place.run("acme_account", {"directory_url": place.acme.url + "/directry"})


@situation
def directory_url_other_page(place: Place) -> modules.Run:
    return place.run("acme_account", {"directory_url": place.says(reply(200, {"hello": "world"}))})


@situation
def api_url_is_a_website(place: Place) -> modules.Run:
    return _sslcom(place, raw(head(200, {"Content-Type": "text/html"}) + b"<html>Welcome</html>"))


@situation
def api_url_redirects(place: Place) -> modules.Run:
    return _sslcom(place, raw(head(301, {"Location": "https://www.example/api", "Content-Length": "0"})))


@situation
def refused(place: Place) -> modules.Run:
    return place.run("sslcom_acme_credential", {"api_url": place.closed()})


@situation
def name_not_known(place: Place) -> modules.Run:
    return place.run("sslcom_acme_credential", {"api_url": "https://sws.ssl-com.invalid"})


@situation
def silent(place: Place) -> modules.Run:
    return _sslcom(place, silence, timeout=1)


@situation
def acme_refused(place: Place) -> modules.Run:
    return place.run("acme_account", {"directory_url": place.closed() + "/directory"})


@situation
def tls_not_trusted(place: Place) -> modules.Run:
    return place.run("sslcom_acme_credential", {"api_url": _tls(place, "localhost")})


@situation
def tls_other_name(place: Place) -> modules.Run:
    url = _tls(place, "intercept.example")
    return place.run("sslcom_acme_credential", {"api_url": url, "ca_path": str(place.path / "ca.pem")})


@situation
def proxy_wrong(place: Place) -> modules.Run:
    wrong = {"https_proxy": place.closed(), "no_proxy": ""}
    return place.run("sslcom_acme_credential", {"api_url": "https://sws.example"}, environment=wrong)


def _tls(place: Place, name: str) -> str:
    authority = pki.authority("Company CA")
    place.file("ca.pem", authority.pem)
    server = pki.server([name], authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place.file("server.pem", server.pem + server.key_pem))
    return place.says(reply(200), context).replace("127.0.0.1", "localhost")


# --- the provider says no ---------------------------------------------------------------------------------------------


@situation
def rate_limit(place: Place) -> modules.Run:
    return _sslcom(place, reply(429, {"message": "slow down"}, {"Retry-After": "3600"}))


@situation
def acme_rate_limit(place: Place) -> modules.Run:
    limited = problem(429, "rateLimited", "too many registrations").head("Retry-After", "3600")
    place.acme.answers["newAccount"] = [limited] * 5
    return place.run("acme_account")


@situation
def provider_down(place: Place) -> modules.Run:
    return _identrust(place, reply(502, b"<html>Bad gateway</html>"))


@situation
def identrust_exists(place: Place) -> modules.Run:
    return _identrust(place, reply(409, {"message": "account exists"}))


@situation
def identrust_revoked(place: Place) -> modules.Run:
    account = {"id": 1, "kid": "kid-beta", "email": "tls@beta.test", "revoked": True, "hmacKey": "A" * 43}
    return _identrust(place, reply(200, account))


@situation
def terms(place: Place) -> modules.Run:
    place.acme.meta["termsOfService"] = "https://ca.example/terms"
    return place.run("acme_account", {"terms_agreed": False})


@situation
def no_funds(place: Place) -> modules.Run:
    prepared(place)
    place.acme.answers["newOrder"] = [problem(403, "unauthorized", "insufficient funds")]
    return place.run("acme_order")


@situation
def caa(place: Place) -> modules.Run:
    prepared(place)
    place.acme.meta["caaIdentities"] = ["ca.example"]
    place.acme.answers["newOrder"] = [problem(403, "caa", "CAA record for alpha.test prevents issuance")]
    return place.run("acme_order")


@situation
def name_refused(place: Place) -> modules.Run:
    prepared(place)
    place.acme.answers["newOrder"] = [problem(400, "rejectedIdentifier", "policy forbids issuing for this name")]
    return place.run("acme_order")


@situation
def account_unknown(place: Place) -> modules.Run:
    prepared(place)
    place.acme.answers["newOrder"] = [problem(400, "accountDoesNotExist", "unknown account")]
    return place.run("acme_order")


def prepared(place: Place, change: dict[str, Any] | None = None) -> None:
    """An account and a request."""
    assert not place.run("acme_account").failed
    assert not place.run("certificate_request", {"directory_url": place.acme.directory_url, **(change or {})}).failed


def ordered(place: Place, change: dict[str, Any] | None = None) -> None:
    prepared(place, change)
    assert not place.run("acme_order", change).failed


@situation
def no_request(place: Place) -> modules.Run:
    assert not place.run("acme_account").failed
    return place.run("acme_order")


@situation
def no_order(place: Place) -> modules.Run:
    prepared(place)
    return place.run("acme_finalize")
