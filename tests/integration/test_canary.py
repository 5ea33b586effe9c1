# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canaries in the place of all secrets: none of them may come out anywhere.

Every module, and the roles by way of site.yml, run at -vvvv with --diff: in check mode, for real, again, failing (a provider that echoes
what it was sent among them), and with wrong options. Looked at are output, log file, fact cache, a callback that writes every
result down, what is left in temporary directories, and the arguments and environments of all processes, every few milliseconds.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import ordering
from tests.support.canary import Runs, forms
from tests.support.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
HOSTS = {"web1": "127.0.0.61"}
KINDS = {"check", "real", "failure", "wrong options"}


def canary() -> str:
    """Random, with characters that spellings differ in."""
    return "cAnArY/" + secrets.token_hex(10) + "+z=="


GIVEN = {
    name: canary()
    for name in (
        *("account_key", "secret_key", "api_key", "client_secret", "access_token"),
        *("api_token", "voucher", "keystore_password", "wrong_key"),
    )
}
BAIT = "bait-" + secrets.token_hex(12)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    state = tmp_path_factory.mktemp("sandbox")
    known = {
        "sslcom": {name: GIVEN[name] for name in ("account_key", "secret_key")},
        "identrust": {
            "client_id": "client",
            "audience": "aud",
            **{name: GIVEN[name] for name in ("api_key", "client_secret")},
        },
        "sslmarket": {"api_token": GIVEN["api_token"]},
    }
    (state / "secrets.json").write_text(json.dumps(known))
    with Sandbox(state, hosts=HOSTS, resolve={"*.alpha.test": HOSTS["web1"], "*.beta.test": HOSTS["web1"]}) as made:
        yield made


def generated(state: Path) -> list[tuple[str, str]]:
    """The secrets that came into being: HMAC keys, and the private keys' lines."""
    found = []
    for path in sorted(state.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        if path.parent.name == "eab" and path.suffix == ".json":
            key = json.loads(path.read_bytes())["hmac_key"]
            found.append((path.name, key))
            raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
            found.append((path.name + ", base64", base64.b64encode(raw).decode().rstrip("=")))
        elif b"PRIVATE KEY" in path.read_bytes():
            lines = [line for line in path.read_text().splitlines() if line and not line.startswith("-----")]
            # a PKCS #8 key starts with what all keys of its type have in common
            found += [
                (f"{path.name}, line {number}", line) for number, line in enumerate(lines) if len(line) > 30 and number
            ]
            found += [(f"{path.name}, line 0", lines[0][36:])] if len(lines[0]) > 50 else []
    return found


def echo(sandbox: Sandbox, service: str, *names: str, **more: Any) -> None:
    """The next answer is a refusal that has in it what was sent."""
    body = {"errors": {"base": ["no: " + " ".join(GIVEN[name] for name in names)]}, "code": GIVEN[names[0]]}
    content = base64.b64encode(json.dumps(body).encode()).decode()
    sandbox.fault(
        service, "malformed", status=400, body_base64=content, headers={"Content-Type": "application/json"}, **more
    )


def assert_silent(runs: Runs, state: Path, what: str, arguments_may_show: bool = False) -> None:
    hidden = [*GIVEN.items(), *generated(state)]
    assert len(hidden) > len(GIVEN) + 6
    found = runs.hits(hidden)
    # Ansible shows callbacks the arguments of tasks, with variables filled in; no module can keep them from it, only
    # no_log on the task. Where the tasks are the test's own they are counted, not forbidden.
    hits = [hit for hit in found if hit[2] != "task arguments" or not arguments_may_show]
    spellings = sum(len(forms(secret)) for _name, secret in hidden)
    sizes = ", ".join(f"{kind} {len(content) // 1000} kB" for kind, content in sorted(runs.sinks.items()))
    print(
        f"\n{what}: {len(hidden)} secrets, {spellings} spellings, {runs.number} runs, {runs.looks} looks at processes: {len(hits)} hits"
    )
    print(f"  in {sizes}; beside them {len(found) - len(hits)} in arguments of tasks without no_log")
    for name, form, kind in hits[:20]:
        where = runs.sinks[kind].index(form.encode())
        print(f"  {name} in {kind}: ...{runs.sinks[kind][max(0, where - 300) : where + 80]!r}")
    assert [(name, kind) for name, _form, kind in hits] == []


# --- modules ----------------------------------------------------------------------------------------------------------


class Tasks:
    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.kinds: dict[str, set[str]] = {}

    def add(self, kind: str, module: str, options: Any, **more: Any) -> None:
        task = {"name": f"{module}, {kind}", f"certfleet.reseller.{module}": options, **more}
        if kind == "check":
            task["check_mode"] = True
        elif kind != "real":
            task["ignore_errors"] = True
            task["failed_when"] = False  # whatever it was; what it said is in the result
            task["register"] = "outcome"
        self.tasks.append(task)
        self.kinds.setdefault(module, set()).add(kind)
        if kind in ("failure", "wrong options"):
            # nothing is proven by a failure that did not happen
            self.tasks.append(
                {"name": "It failed", "ansible.builtin.assert": {"that": "outcome.msg is defined", "quiet": True}}
            )

    def life(self, module: str, options: dict[str, Any], failure: dict[str, Any], **more: Any) -> None:
        self.add("check", module, options)
        self.add("real", module, options, **more)
        self.add("real", module, options)
        self.add("failure", module, {**options, **failure})
        self.add("wrong options", module, {**options, "no_such_option": 1})
        needed = ("path", "sets_path", "webroot", "account_key_path", "journal_dir")
        if any(name in options for name in needed):
            rest = {name: value for name, value in options.items() if name not in needed}
            self.add("wrong options", module, rest)


def module_tasks(sandbox: Sandbox, state: Path) -> Tasks:
    made = Tasks()
    ca = {"ca_path": sandbox.ca_path}
    sslcom = {
        "account_key": "{{ account_key }}",
        "secret_key": "{{ secret_key }}",
        "description": "Alpha Ltd",
        "path": f"{state}/eab/alpha.json",
    }
    sslcom.update(ca, api_url=sandbox.sslcom["api_url"], directory_urls=list(sandbox.sslcom["directory_urls"].values()))  # type: ignore[arg-type]
    identrust = {
        "api_url": sandbox.identrust["api_url"],
        "customer_email": "tls@beta.test",
        "path": f"{state}/eab/beta.json",
        **ca,
    }
    api_key = {**identrust, "api_key": "{{ api_key }}"}
    oauth = {
        **identrust,
        "client_id": "client",
        "client_secret": "{{ client_secret }}",
        "audience": "aud",
        "token_url": sandbox.identrust["token_url"],
    }
    made.add("failure", "sslcom_acme_credential", sslcom)  # the echo
    made.add("failure", "identrust_account", api_key)  # the echo
    made.add("failure", "identrust_account", oauth)  # the echo, of the token endpoint
    other = f"{state}/eab/other.json"
    made.life("sslcom_acme_credential", sslcom, {"path": other, "description": "x", "secret_key": "{{ wrong_key }}"})
    made.add("wrong options", "sslcom_acme_credential", {**sslcom, "timeout": "{{ secret_key }} soon"}, no_log=True)
    made.add("wrong options", "sslcom_acme_credential", {**sslcom, "return_hmac": "perhaps"})
    made.add("real", "sslcom_acme_credential", {**sslcom, "return_hmac": True}, no_log=True)
    made.life(
        "identrust_account", api_key, {"path": other, "customer_email": "x@beta.test", "api_key": "{{ wrong_key }}"}
    )
    made.add(
        "real", "identrust_account", {**oauth, "customer_email": "oauth@beta.test", "path": f"{state}/eab/oauth.json"}
    )
    made.add("failure", "identrust_account", {**identrust, "path": other, "access_token": "{{ access_token }}"})
    made.add(
        "failure", "identrust_account", {**api_key, "path": other, "api_url": "http://reseller-cms-pte.identrust.com"}
    )
    made.add("failure", "identrust_account", {**identrust, "path": other, "api_key": "{{ api_key }}\n"})
    lookup = "lookup('certfleet.reseller.eab_credential', '%s/eab/alpha.json')" % state
    made.tasks.append(
        {
            "name": "lookup",
            "ansible.builtin.assert": {"that": "eab.hmac_key | length == 43"},
            "vars": {"eab": "{{ %s }}" % lookup},
            "no_log": True,
        }
    )
    missing = "{{ lookup('certfleet.reseller.eab_credential', '%s/eab/none.json') }}" % state
    made.tasks.append({"name": "lookup, failure", "ansible.builtin.debug": {"msg": missing}, "ignore_errors": True})

    host = sandbox.host("web1")
    acme = {
        "directory_url": sandbox.sslcom["directory_urls"]["ecc"],
        "account_key_path": f"{state}/accounts/alpha.key",
        **ca,
    }
    sets = {"sets_path": f"{state}/sets", "certificates": [{"name": "www.alpha.test", "domains": ["www.alpha.test"]}]}
    account = {**acme, "eab_path": f"{state}/eab/alpha.json", "contact": ["tls@alpha.test"], "terms_agreed": True}
    made.life(
        "acme_account", account, {"account_key_path": f"{state}/accounts/x.key", "eab_path": f"{state}/eab/none.json"}
    )
    nowhere = {"directory_url": "https://127.0.0.1:1/directory"}
    request = {**sets, "directory_url": acme["directory_url"]}
    made.life("certificate_request", request, {"certificates": [{"name": "x", "domains": ["not a name"]}]})
    made.life("acme_order", {**acme, **sets}, {"account_key_path": f"{state}/eab/alpha.json"}, register="orders")
    challenges = {"webroot": f"{host['root']}/www", "challenges": "{{ orders.http_challenges }}"}
    made.life("acme_http_challenge", challenges, {"webroot": f"{state}/eab/alpha.json/x"})
    validation = [{"path": "/.well-known/pki-validation/fileauth.txt", "content": "public"}]
    validation_file = {"webroot": f"{host['root']}/www", "files": validation}
    made.life("validation_file", validation_file, {"webroot": f"{state}/eab/alpha.json/x"})
    made.add("failure", "acme_finalize", {**acme, **sets, **nowhere})
    made.life("acme_finalize", {**acme, **sets}, {"sets_path": f"{state}/eab/alpha.json"})
    information = {**sets, **ca, "directory_url": acme["directory_url"]}
    made.life("acme_renewal_info", information, {**nowhere, "sets_path": f"{state}/eab/alpha.json"})
    service = {
        "reload": [sandbox.reload_command("web1")],
        "endpoints": [{"address": host["address"], "port": host["tls_port"]}],
        "bundles": ["combined.pem", "keystore.p12"],
        "keystore_password": GIVEN["keystore_password"],
    }
    deploy: dict[str, Any] = {
        "sets_path": f"{state}/sets",
        "root": f"{host['root']}/tls",
        "certificates": [{**sets["certificates"][0], **service}],
    }  # type: ignore[dict-item]
    broken = {"root": f"{state}/elsewhere", "certificates": [{**sets["certificates"][0], "reload": [["false"]]}]}  # type: ignore[dict-item]
    made.life("certificate_deploy", deploy, broken)
    job = {"version": 1, "name": "www.alpha.test", "host": "web1", "domains": ["www.alpha.test"], "renewal": {}}
    client = {"kind": "lego", "server": acme["directory_url"], "email": "tls@alpha.test", "dns": "rfc2136"}
    hosted = {
        "path": f"{host['root']}/renewal",
        "unit_path": f"{host['root']}/units",
        "jobs": [
            {
                "name": "www.alpha.test",
                "file_name": "www.alpha.test",
                "issuer": "alpha",
                "account_key_path": acme["account_key_path"],
                "job": {**job, "client": client, "certificate": {}, "deploy": {}},
            }
        ],
        "dns_settings": {"alpha": {"RFC2136_TSIG_SECRET": GIVEN["keystore_password"]}},
    }
    made.life("host_renewal", hosted, {"path": f"{state}/eab/alpha.json"})
    certificates = [{"name": "www.alpha.test", "issuer": "alpha", "hosts": ["web1"]}]
    planned = {"certificates": certificates, "issuers": [{"name": "alpha"}]}
    made.life("certificate_plan", planned, {"end": "soon"})
    made.add("real", "certificate_plan", {**planned, "sets_path": f"{state}/sets"})
    market_tasks(made, sandbox, state)
    certificate_tasks(made, sandbox, state)
    return made


def market_tasks(made: Tasks, sandbox: Sandbox, state: Path) -> None:
    """By e-mail, so that the order goes on waiting, and the e-mail can be sent again."""
    wrong = {"api_token": "{{ wrong_key }}"}
    known = ordering.access(sandbox, state / "journal", api_token="{{ api_token }}")
    account = {name: value for name, value in known.items() if name != "journal_dir"}
    csr = state / "requests" / "mail.csr"
    ordering.request(csr, "mail.beta.test")
    subject = {**known, "product_code": ordering.PRODUCT, "csr_path": str(csr)}
    order = {**subject, **ordering.CONTACTS, "dv_auth_method": "Email", "voucher": "{{ voucher }}"}
    made.add("failure", "sslmarket_product_info", account)  # the echo
    made.life("sslmarket_product_info", account, wrong)
    made.life("sslmarket_order", order, {**wrong, "journal_dir": f"{state}/other"}, register="market")
    made.life("sslmarket_order_info", {**account, "details": True}, wrong)
    files = {"fullchain_path": f"{state}/requests/mail.pem", "wait": False}
    made.life("sslmarket_certificate", {**subject, **files}, wrong)
    number = {"order_id": "{{ (market.orders | first).order_id }}"}
    made.life("sslmarket_dcv_resend", {**account, **number}, wrong)


def certificate_tasks(made: Tasks, sandbox: Sandbox, state: Path) -> None:
    live = f"{state}/sets/www.alpha.test/current"
    ours = {"path": f"{live}/fullchain.pem", "private_key_path": f"{live}/privkey.pem"}
    made.life("cert_decode", ours, {"path": f"{live}/privkey.pem"})
    made.life("ocsp_check", {"paths": [f"{live}/fullchain.pem"], "fail_on": []}, {"paths": [f"{live}/privkey.pem"]})
    account = {
        "api_url": sandbox.sslmarket["api_url"],
        "api_token": "{{ api_token }}",
        "ca_path": sandbox.ca_path,
    }
    made.add("real", "cert_decode", {"path": f"{live}/cert.pem", "decoder": "sslmarket", **account})
    status = {"sets_path": f"{state}/sets", "journal_path": f"{state}/journal", "path": f"{state}/report.json"}
    made.life("certificate_status", status, {"path": f"{state}/eab/alpha.json/x"})
    files = {f"{kind}_path": f"{state}/report.{kind}" for kind in ("html", "prometheus", "junit")}
    made.life("certificate_report", {"src": status["path"], **files}, {"src": f"{live}/privkey.pem"})
    asked = {"paths": [f"{live}/fullchain.pem"], "fail_on": [], "checker": "sslmarket"}
    made.add("real", "ocsp_check", {**asked, **account}, ignore_errors=True)


def test_modules(sandbox: Sandbox, tmp_path: Path) -> None:
    state = tmp_path / "state"
    made = module_tasks(sandbox, state)
    assert {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")} == set(made.kinds)
    assert all(kinds == KINDS for kinds in made.kinds.values()), made.kinds
    bait = {
        "name": "Bait",
        "ansible.builtin.command": {"argv": ["sh", "-c", f"sleep 0.1; : {BAIT}"]},
        "environment": {"BAIT": BAIT},
    }
    facts = {"name": "A fact", "ansible.builtin.set_fact": {"bait": BAIT, "cacheable": True}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [bait, facts, *made.tasks]}
    (tmp_path / "modules.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    (tmp_path / "vars.json").write_text(json.dumps(GIVEN))
    sandbox.clear_faults()
    echo(sandbox, "sslcom", "account_key", "secret_key")
    echo(sandbox, "sslmarket", "api_token", operation="product_list")
    echo(sandbox, "identrust", "api_key", operation="account")
    echo(sandbox, "identrust", "client_secret", operation="token")
    runs = Runs(tmp_path)
    code = runs.play(str(tmp_path / "modules.yml"), "-e", f"@{tmp_path / 'vars.json'}")
    assert code == 0, runs.sinks["output"][-3000:].decode()
    # the nets catch: a bait that was laid out openly is in all of them
    caught = {kind for _name, _form, kind in runs.hits([("bait", BAIT)])}
    assert caught == {"output", "log file", "callback", "task arguments", "fact cache"} | {
        "process arguments",
        "process environments",
    }
    results = [json.loads(line) for line in runs.sinks["callback"].split(b"\n") if line.startswith(b"{")]
    assert len(results) >= len(made.tasks)
    print(f"\n{len(made.tasks)} tasks of {len(made.kinds)} modules")
    assert_silent(runs, state, "modules", arguments_may_show=True)


# --- roles ------------------------------------------------------------------------------------------------------------


def inventory(sandbox: Sandbox, state: Path, **changes: str) -> dict[str, Any]:
    host = sandbox.host("web1")
    ca = {"ca_path": sandbox.ca_path}
    issuers: dict[str, Any] = {
        "alpha": {"kind": "sslcom", "customer": "Alpha Ltd", "contact": "tls@alpha.test", **ca},
        "beta": {"kind": "identrust", "customer": "tls@beta.test", "contact": "tls@beta.test", **ca},
        "gamma": {"kind": "identrust", "customer": "tls@gamma.test", "contact": "tls@gamma.test", **ca},
    }
    issuers["alpha"].update(
        directory_url=sandbox.sslcom["directory_urls"]["ecc"], api_url=sandbox.sslcom["api_url"],
        account_key=GIVEN["account_key"], secret_key=changes.get("secret_key", GIVEN["secret_key"]),
    )  # fmt: skip
    for name in ("beta", "gamma"):
        issuers[name].update(
            directory_url=sandbox.identrust["directory_urls"]["TLS-90d"], api_url=sandbox.identrust["api_url"]
        )
    issuers["beta"].update(api_key=changes.get("api_key", GIVEN["api_key"]))
    issuers["gamma"].update(
        client_id="client", client_secret=changes.get("client_secret", GIVEN["client_secret"]), audience="aud",
        token_url=sandbox.identrust["token_url"],
    )  # fmt: skip
    person = {"title": "CEO", "firstname": "Ada", "lastname": "Delta", "tel": "+44.123456789", "email": "a@delta.test"}
    company = {"name": "Delta Ltd", "street": "High Street 1", "city": "London", "zip": "E1 6AN", "country": "GB"}
    issuers["delta"] = {
        "kind": "sslmarket", "product_code": "RAPIDSSL_RAPIDSSL", "api_url": sandbox.sslmarket["api_url"], **ca,
        "api_token": changes.get("api_token", GIVEN["api_token"]), "auth": person, "tech": person,
        "owner": {**company, "tel": "+44.123456789"}, "invoice": {**company, "email": "a@delta.test"},
    }  # fmt: skip
    endpoint = {"services": ["web"], "hosts": "web1", "endpoints": [{"port": host["tls_port"]}]}
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "certfleet_state_path": str(state),
        "certfleet_issuers": issuers,
        "certfleet_certificates": [
            {"name": "www.alpha.test", "domains": ["www.alpha.test", "a.alpha.test"], "issuer": "alpha", **endpoint},
            {"name": "shop.beta.test", "issuer": "beta", "key_type": "rsa", **endpoint},
            {
                "name": "portal.beta.test",
                "issuer": "delta",
                "challenge": "http-01",
                "voucher": GIVEN["voucher"],
                **endpoint,
            },
        ],
        "sslmarket_client_allow_purchase": True,
        "certfleet_webroot": f"{host['root']}/www",
        "certificate_deploy_root": f"{host['root']}/tls",
        "certificate_deploy_address": host["address"],
        "certificate_deploy_services": {"web": {"reload": sandbox.reload_command("web1")}},
        **changes.get("more", {}),  # type: ignore[call-overload]
    }


def test_roles(sandbox: Sandbox, tmp_path: Path) -> None:
    state = tmp_path / "state"
    runs = Runs(tmp_path)

    def site(name: str, variables: dict[str, Any], *arguments: str) -> int:
        path = tmp_path / f"{name}.yml"
        path.write_text(yaml.safe_dump({"all": {"hosts": {"web1": variables}}}))
        return runs.play("certfleet.reseller.site", "-i", str(path), *arguments)

    sandbox.clear_faults()
    echo(sandbox, "sslcom", "account_key", "secret_key")
    sandbox.knobs(echo_secret=True)
    wrong = inventory(
        sandbox,
        state,
        api_key=GIVEN["wrong_key"],
        client_secret=GIVEN["wrong_key"],
        api_token=GIVEN["wrong_key"],
    )
    right = inventory(sandbox, state)
    assert site("failure", wrong) != 0
    assert not list((state / "eab").glob("*.json"))
    assert site("check", right, "--check") == 0, runs.sinks["output"][-3000:].decode()
    assert site("real", right) == 0, runs.sinks["output"][-3000:].decode()
    assert site("again", right) == 0
    # secrets where they do not belong: in an option that is not secret
    damaged = json.loads(json.dumps(right))
    damaged["certfleet_issuers"]["alpha"]["no_such_member"] = 1
    del damaged["certfleet_issuers"]["beta"]["customer"]
    assert site("wrong options", damaged) != 0
    assert_silent(runs, state, "roles, by way of site.yml")
