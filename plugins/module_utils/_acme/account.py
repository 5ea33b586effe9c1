# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACME account of one issuer: a key, and beside it a small file with the account's URL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from .._core import credential, files
from .._core.clock import SYSTEM, iso
from .._core.errors import CollectionError, ProviderError, StateError, UsageError, clean
from .._core.plan import Plan, Step
from .._core.secret import Secret

VERSION = 1


@dataclass(frozen=True)
class Want:
    directory_url: str
    key_path: str
    key_type: str
    eab_path: str | None
    contact: tuple[str, ...]
    terms_agreed: bool
    timeout: float
    ca_path: str | None
    present: bool = True


@dataclass(frozen=True)
class Have:
    key: bytes | None
    account: dict[str, Any] | None
    kid: str | None  # of the credential record


def record_path(key_path: str) -> str:
    return os.path.splitext(key_path)[0] + ".json"


def load(key_path: str) -> dict[str, Any] | None:
    """What is known of the account: ``{version, url, directory_url, contact, kid, created}``, and ``retiring`` and ``retired``, when it was."""
    value = files.read_json(record_path(key_path))
    if value is not None and (
        value.get("version") != VERSION
        or not all(isinstance(value.get(name), str) for name in ("url", "directory_url"))
    ):
        raise StateError("%s is no account file of version %d" % (record_path(key_path), VERSION))
    return value


class AccountResource:
    def want(self, params: dict[str, Any]) -> Want:
        present = params.get("state", "present") == "present"
        contact = tuple(_contact(text) for text in params.get("contact") or ())
        if present and not contact:
            raise UsageError(
                "contact is empty",
                hint="Give an e-mail address: SSL.com and other CAs fail late without it.",
            )
        self._want = Want(
            directory_url=params["directory_url"],
            key_path=params["account_key_path"],
            key_type=params["account_key_type"],
            eab_path=params["eab_path"],
            contact=contact,
            terms_agreed=params["terms_agreed"],
            timeout=params["timeout"],
            ca_path=params["ca_path"],
            present=present,
        )
        return self._want

    def read(self, want: Want) -> Have:
        self._record = credential.load(want.eab_path) if want.eab_path else None
        return Have(files.read(want.key_path), load(want.key_path), self._record.kid if self._record else None)

    def plan(self, want: Want, have: Have) -> Plan:
        account = have.account
        wanted = {"directory_url": want.directory_url, "contact": list(want.contact), "kid": have.kid}
        if account is not None and have.key is None:
            raise StateError(
                "the account key %s is gone, but %s knows its account" % (want.key_path, record_path(want.key_path)),
                hint="Restore the key from a backup, or move the .json away: then a new account is registered.",
            )
        if not want.present:
            return _plan_retirement(want, account)
        if account is not None and account.get("retiring"):
            raise StateError(
                "the account of %s was deactivated on %s" % (want.key_path, account["retiring"]),
                hint="That cannot be undone (RFC 8555 section 7.3.6): give another account_key_path for a new account.",
            )
        if account is None:
            steps = [Step("create", want.key_path)] if have.key is None else []
            steps.append(Step("register", want.directory_url))
            return Plan(tuple(steps), {}, wanted, reason="the account is not known yet")
        known = {name: account.get(name) for name in wanted}
        if account["directory_url"] != want.directory_url:
            raise StateError(
                "the account key %s belongs to the directory %s, not %s"
                % (want.key_path, account["directory_url"], want.directory_url),
                hint="An account belongs to one directory: give another account_key_path.",
            )
        if have.kid is not None and account.get("kid") not in (None, have.kid):
            raise _bound_to_another(want, account["kid"], have.kid)
        if account.get("contact") != list(want.contact):
            return Plan((Step("update", account["url"]),), known, {**known, **wanted}, reason="the contact changed")
        return Plan(before=known, after=known, reason="the account is registered")

    def apply(self, step: Step) -> None:
        want = self._want
        directory = os.path.dirname(os.path.abspath(want.key_path))
        files.make_directory(directory)
        with files.lock(directory):
            if step.action == "create":
                self._create_key(want)
            elif step.action == "register":
                self._register(want)
            elif step.action == "deactivate":
                self._retire(want)
            else:
                self._update(want)

    def show(self, want: Want, have: Have, plan: Plan) -> dict[str, Any]:
        account = have.account or {}
        return {
            "account": {
                "url": account.get("url"),
                "directory_url": want.directory_url,
                "contact": list(want.contact),
                "kid": account.get("kid", have.kid),
                "account_key_path": want.key_path,
                "deactivated": account.get("retired"),
            }
        }

    def _create_key(self, want: Want) -> None:
        from .._x509 import keys

        if files.read(want.key_path) is None:  # else another run was faster
            files.write(want.key_path, keys.generate(want.key_type, keys.DEFAULT_SIZE[want.key_type]), files.SECRET)

    def _register(self, want: Want) -> None:
        if load(want.key_path) is not None:
            return
        files.prove_writable(record_path(want.key_path))
        client = self._client(want, None)
        eab = self._binding(want)
        url = client.find_account(want.contact, eab)
        if url is None:
            self._check_terms(want, client, eab)
            try:
                url = client.new_account(want.contact, eab, want.terms_agreed)
            except CollectionError as error:
                raise _explained(error, eab) from None
        if eab is not None and client.bound_kid not in (None, eab[0]):
            raise _bound_to_another(want, client.bound_kid, eab[0])
        self._save(want, url, client.bound_kid or (eab[0] if eab else None))

    def _check_terms(self, want: Want, client: Any, eab: tuple[str, Secret] | None) -> None:
        """What a new account needs, and one that is found again does not."""
        if eab is None and client.meta("externalAccountRequired") is True:
            raise UsageError(
                "the directory %s requires external account binding" % want.directory_url,
                hint="Give eab_path: the credential record of the customer at this provider.",
            )
        if client.meta("termsOfService") and not want.terms_agreed:
            raise UsageError(
                "the CA's terms are not agreed to (%s)" % clean(client.meta("termsOfService")),
                hint="Read them, and set terms_agreed: true.",
            )

    def _binding(self, want: Want) -> tuple[str, Secret] | None:
        if want.eab_path is None:
            return None
        if self._record is None:
            raise UsageError(
                "eab_path: there is no credential record %s" % want.eab_path,
                hint="Make it with sslcom_acme_credential or identrust_account first.",
            )
        return self._record.kid, self._record.hmac_key

    def _update(self, want: Want) -> None:
        account = load(want.key_path)
        if account is None:
            raise StateError("the account of %s is gone" % want.key_path, hint="Run again; it will be looked up.")
        self._client(want, account["url"]).update_contact(want.contact)
        self._save(want, account["url"], account.get("kid"))

    def _retire(self, want: Want) -> None:
        """The intent is on the disk before the request: after that a server that knows no such account any more is what was wanted."""
        account = load(want.key_path)
        if account is None:
            raise StateError("the account of %s is gone" % want.key_path, hint="Run again.")
        path, began = record_path(want.key_path), account.get("retiring")
        begun = {**account, "retiring": began or iso(SYSTEM.now())}
        files.write_json(path, begun)
        try:
            self._client(want, account["url"]).deactivate()
        except ProviderError as error:
            if not (began and error.code in ("unauthorized", "accountDoesNotExist")):
                files.write_json(path, account)  # an answer that nothing was done
                raise
        files.write_json(path, {**begun, "retired": iso(SYSTEM.now())})

    def _save(self, want: Want, url: str, kid: str | None) -> None:
        files.write_json(
            record_path(want.key_path),
            {
                "version": VERSION,
                "url": url,
                "directory_url": want.directory_url,
                "contact": list(want.contact),
                "kid": kid,
                "created": iso(SYSTEM.now()),
            },
        )

    def _client(self, want: Want, url: str | None) -> Any:
        from .client import AcmeClient

        return AcmeClient(want.directory_url, files.read(want.key_path), url, want.timeout, want.ca_path)


def _plan_retirement(want: Want, account: dict[str, Any] | None) -> Plan:
    if account is None or account.get("retired"):
        return Plan(reason="there is no account" if account is None else "the account is deactivated")
    if account["directory_url"] != want.directory_url:
        raise StateError("the account key %s belongs to the directory %s" % (want.key_path, account["directory_url"]))
    step = Step("deactivate", account["url"], cost="final")
    return Plan((step,), {"account": "valid"}, {"account": "deactivated"}, reason="the account is not wanted any more")


def _contact(text: str) -> str:
    """``tls@example.com`` and ``mailto:tls@example.com`` are the same."""
    address = text[len("mailto:") :] if text.startswith("mailto:") else text
    if address.count("@") != 1 or any(character in address for character in " \t\r\n,;<>?"):
        raise UsageError("contact %r is not an e-mail address" % text[:300], hint='Write it like "tls@example.com".')
    return "mailto:" + address


def _bound_to_another(want: Want, bound: str, given: str) -> StateError:
    return StateError(
        "the account of %s is bound to the credential %s, but %s holds %s"
        % (want.key_path, clean(bound, 100), want.eab_path, given),
        hint="A binding cannot be changed (RFC 8555 section 7.3.4): give another account_key_path for a new account.",
    )


def _explained(error: CollectionError, eab: tuple[str, Secret] | None) -> CollectionError:
    """Servers say in many ways that they do not like a binding; most do not say why."""
    if eab is not None and error.code in ("unauthorized", "malformed", "externalAccountRequired"):
        error.message = "the ACME server refused the external account binding with kid %s" % eab[0]
        error.hint = (
            "Check that the credential is one for this directory_url and was neither revoked nor used up; ZeroSSL and others "
            "answer so for a contact they do not like, too."
        )
    return error
