# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One ACME account at one directory: what RFC 8555 lets an account do."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import urljoin

from .._core.errors import CollectionError, NotSent, ProtocolError, RateLimited, TransportError
from .._core.secret import Secret
from .._http import strict_json
from .._http.session import links
from . import model
from .connection import Connection, Directory, parse

if TYPE_CHECKING:
    import requests

_MOST_PAGES = 100  # Pebble has three orders on each
_MOST_CHAINS = 8


class AcmeClient(Connection):
    """Accounts, orders, authorizations and certificates, as ``model`` has them."""

    # -- account -----------------------------------------------------------------------------------------------------

    def find_account(self, contact: tuple[str, ...], eab: tuple[str, Secret] | None) -> str | None:
        """Looks the account up by its key, first without the binding: some servers refuse a binding that was used, and some
        (HARICA) want it on every request."""
        look_up: dict[str, Any] = {"onlyReturnExisting": True, "contact": list(contact)}
        try:
            return self._new_account(look_up)
        except CollectionError as error:
            if error.code == "externalAccountRequired" and eab is not None:
                try:
                    return self._new_account({**look_up, **self._binding(eab)})
                except CollectionError as again:
                    error = again
            # The RFC wants accountDoesNotExist here; DigiCert answers 404 without a problem document, SSL.com was seen to
            # fail every look-up. A registration that follows tells more, and returns an account that exists.
            if isinstance(error, (NotSent, RateLimited)):
                raise error
            return None

    def new_account(self, contact: tuple[str, ...], eab: tuple[str, Secret] | None, terms_agreed: bool) -> str:
        """The URL of a new account of this key, bound to what the provider gave (RFC 8555 section 7.3)."""
        return self._new_account({"contact": list(contact), "termsOfServiceAgreed": terms_agreed, **self._binding(eab)})

    def update_contact(self, contact: tuple[str, ...]) -> None:
        self._post(self._account_url(), {"contact": list(contact)})

    def deactivate(self) -> None:
        """For ever (RFC 8555 section 7.3.6). Certificates stay valid."""
        self._post(self._account_url(), {"status": "deactivated"})

    def _new_account(self, body: dict[str, Any]) -> str:
        self._net.account = None
        response = self._post(self.directory()["newAccount"], body)
        url = response.headers.get("Location")
        if not url:
            raise ProtocolError("the ACME server answered without the account's URL")
        self._use(url)
        self.bound_kid = _bound_kid(response)
        return url

    def _binding(self, eab: tuple[str, Secret] | None) -> dict[str, Any]:
        if eab is None:
            return {}
        from acme import messages

        kid, hmac_key = eab
        directory = messages.Directory({"newAccount": self.directory()["newAccount"]})
        binding = messages.ExternalAccountBinding.from_data(self._key().public_key(), kid, hmac_key.open(), directory)
        return {"externalAccountBinding": json.loads(json.dumps(binding, default=lambda item: item.to_partial_json()))}

    # -- orders ------------------------------------------------------------------------------------------------------

    def new_order(self, names: tuple[str, ...], profile: str | None, replaces: str | None) -> model.Order:
        """Places an order, once (RFC 8555 section 7.4). ``replaces``: RFC 9773 section 5, left out when the server objects."""
        body: dict[str, Any] = {"identifiers": [{"type": "dns", "value": name} for name in names]}
        if profile:
            body["profile"] = profile
        url = self.directory()["newOrder"]
        try:
            response = self._post(url, {**body, "replaces": replaces} if replaces else body)
        except CollectionError as error:
            if not replaces or not (error.status == 409 or error.code in ("alreadyReplaced", "malformed")):
                raise
            response = self._post(url, body)
        order_url = response.headers.get("Location")
        if not order_url:
            raise ProtocolError("the ACME server answered without the order's URL")
        return self._model(model.order, order_url, parse(response))

    def order(self, url: str) -> model.Order:
        return self._model(model.order, url, parse(self._read(url)))

    def orders(self) -> list[str]:
        """The URLs of the account's orders (RFC 8555 section 7.1.2.1); empty where the server keeps no such list."""
        try:
            account = parse(self._read(self._account_url()))
            url = account.get("orders") if isinstance(account, dict) else None
            found: list[str] = []
            for _page in range(_MOST_PAGES):
                if not isinstance(url, str):
                    break
                response = self._read(url)
                value = parse(response)
                found += (
                    [item for item in value.get("orders", []) if isinstance(item, str)]
                    if isinstance(value, dict)
                    else []
                )
                following = next(iter(links(response, "next")), None)
                url = urljoin(url, following) if following else None
            return found
        except CollectionError as error:
            # SSL.com and many others have no such list, or no readable account; then there is nothing to find again.
            if isinstance(error, RateLimited) or (
                isinstance(error, TransportError) and error.status is None and error.code is None
            ):
                raise
            return []

    def authorization(self, url: str) -> model.Authorization:
        return self._model(model.authorization, url, parse(self._read(url)))

    def key_authorization(self, token: str) -> str:
        """RFC 8555 section 8.1."""
        from josepy import b64

        return "%s.%s" % (token, b64.b64encode(self._key().thumbprint()).decode("ascii"))

    def answer(self, challenge: model.Challenge) -> None:
        """Tells the server that the challenge is ready to be validated (RFC 8555 section 7.5.1)."""
        self._post(challenge.url, {})

    def finalize(self, order: model.Order, csr_der_b64: str) -> model.Order:
        """Sends the request (RFC 8555 section 7.4). Returns the order as it is then."""
        return self._model(model.order, order.url, parse(self._post(order.finalize, {"csr": csr_der_b64})))

    def certificate(self, order: model.Order, alternates: bool) -> list[bytes]:
        """The chains that the server offers, the default one first (RFC 8555 section 7.4.2); that one alone without ``alternates``."""
        if order.certificate is None:
            raise ProtocolError("the ACME server says the order is valid, but names no certificate")
        response = self._read(order.certificate)
        chains = [response.content]
        others = [urljoin(order.certificate, link) for link in links(response, "alternate")] if alternates else []
        for link in [link for link in dict.fromkeys(others) if link != order.certificate][: _MOST_CHAINS - 1]:
            chains.append(self._read(link).content)
        return chains


class Clients:
    """One client per worker thread, made when a worker first needs it, or inherited from a worker that has ended: its connection and its
    nonce are still good. They share the directory. Nothing is sent here.
    """

    def __init__(self, make: Callable[[], AcmeClient]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._directory = Directory()
        self._owned: list[tuple[threading.Thread, AcmeClient]] = []

    def get(self) -> AcmeClient:
        me = threading.current_thread()
        with self._lock:
            mine = [index for index, (owner, _client) in enumerate(self._owned) if owner is me]
            free = [index for index, (owner, _client) in enumerate(self._owned) if not owner.is_alive()]
            for index in (mine or free)[:1]:
                self._owned[index] = (me, self._owned[index][1])
                return self._owned[index][1]
            made = self._make()
            made.share(self._directory)
            self._owned.append((me, made))
            return made


def _bound_kid(response: requests.Response) -> str | None:
    """From the binding that servers may return with an account (RFC 8555 section 7.3.4). Many do not."""
    from josepy import b64

    try:
        binding = strict_json.parse(response.content)["externalAccountBinding"]
        kid = strict_json.parse(b64.b64decode(binding["protected"]))["kid"]
    except (ValueError, KeyError, TypeError):
        return None
    return kid if isinstance(kid, str) else None
