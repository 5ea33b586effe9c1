# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paid orders and their certificates, module by module, against the simulated SSLmarket: what is asked, written, paid and told."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import pkcs7 as library

from tests.faults.driving import Driver
from tests.support import modules, ordering, pki
from tests.support.sandbox import Sandbox

ORDER, CERTIFICATE, REQUEST = "sslmarket_order", "sslmarket_certificate", "certificate_request"
VOUCHER = "canaryVoucher4711"
FLEET = 500


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Sandbox:
    shared.reset_knobs()
    shared.clear_faults()
    shared.clear_ledger()
    shared.knobs(dcv="none")
    return shared


class Shop:
    """One controller: its journal, requests, files and sets below one directory; nothing it says or writes has a secret in it."""

    def __init__(self, sandbox: Sandbox, path: Path, *names: str) -> None:
        self.sandbox, self.path, self.names = (
            sandbox,
            path,
            names or (f"{path.name.replace('_', '-')[:60]}.alpha.test",),
        )
        self.journal, self.files = path / "journal", path / "files"
        self.told: list[str] = []

    @property
    def name(self) -> str:
        return self.names[0]

    def csr(self, file: str = "a") -> Path:
        path = self.path / "csr" / f"{file}.csr"
        if not path.exists():
            ordering.request(path, *self.names)
        return path

    def order(self, file: str = "a", **more: Any) -> dict[str, Any]:
        return ordering.order(self.sandbox, self.journal, self.csr(file), voucher=VOUCHER, **more)

    def certificate(self, file: str = "a", **more: Any) -> dict[str, Any]:
        targets = {name: str(self.files / f"{name}.pem") for name in ("path", "fullchain_path", "p7b_path")}
        known = {"product_code": ordering.PRODUCT, "csr_path": str(self.csr(file)), "wait": False}
        return ordering.access(self.sandbox, self.journal, **{**known, **targets, **more})

    def run(self, module: str, options: dict[str, Any], **how: Any) -> modules.Run:
        done = modules.run(module, options, **how)
        self.told.append(done.output)
        assert "Traceback" not in done.output, done.output
        assert done.result.get("error", {}).get("kind") != "internal", done.output
        self.silent()
        return done

    def silent(self) -> None:
        secrets = (self.sandbox.sslmarket["api_token"], VOUCHER)
        kept = [path.read_bytes().decode("latin-1") for path in self.path.rglob("*") if path.is_file()]
        for secret in secrets:
            assert not any(secret in text for text in [*self.told, *kept])

    def buy(self, **more: Any) -> int:
        done = self.run(ORDER, self.order(**more))
        assert not done.failed, done.output
        return int(done.result["orders"][0]["order_id"])

    def fetch(self, **more: Any) -> modules.Run:
        done = self.run(CERTIFICATE, self.certificate(**more))
        assert not done.failed, done.output
        return done

    def tree(self) -> str:
        """Everything below the directory, as one digest."""
        lines = []
        for path in sorted(self.path.rglob("*")):
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            lines.append(f"{path} {path.lstat().st_mode:o} {hashlib.sha256(content).hexdigest()}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def writes(self) -> int:
        """Requests that were no questions."""
        return sum(entry["method"] != "GET" for entry in self.sandbox.ledger(service="sslmarket"))

    def booked(self) -> int:
        return sum(entry["names"][0] == self.name for entry in ordering.booked(self.sandbox))


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path) -> Shop:
    return Shop(sandbox, tmp_path)


def steps(done: modules.Run) -> list[str]:
    shown = done.result.get("steps") or [*done.result.get("done", ()), *done.result.get("open", ())]
    return sorted(f"{step['action']} {step['subject']}" for step in shown)


def one(done: modules.Run) -> dict[str, Any]:
    (found,) = done.result.get("orders") or done.result["certificates"]
    return dict(found)


# --- check mode is what the run does ----------------------------------------------------------------------------------


def absent(shop: Shop) -> None:
    shop.csr()


def waiting(shop: Shop) -> None:
    shop.sandbox.knobs(dcv="look")
    shop.buy()


def issued(shop: Shop) -> None:
    shop.buy()


def fetched(shop: Shop) -> None:
    shop.buy()
    shop.fetch()


def reissue_runs(shop: Shop) -> None:
    fetched(shop)
    shop.sandbox.knobs(never_issue=True)
    assert shop.run(CERTIFICATE, shop.certificate("b")).result["waiting"] == [shop.name]


def due(shop: Shop) -> None:
    order_id = shop.buy()
    shop.sandbox.age(140, order_id)
    shop.fetch()


def expired(shop: Shop) -> None:
    order_id = shop.buy()
    shop.fetch()
    shop.sandbox.age(400, order_id)
    (path,) = shop.journal.glob("purchases/*/0001.json")
    entry = json.loads(path.read_bytes())
    path.write_text(json.dumps({**entry, "since": "2025-01-01T00:00:00Z"}))


def revoked(shop: Shop) -> None:
    order_id = shop.buy()
    shop.fetch()
    shop.sandbox.revoke_certificate(order_id)


def odd_word(shop: Shop) -> None:
    order_id = shop.buy()
    shop.fetch()
    shop.sandbox.show_state(order_id, "vyřizuje se")


def booked_unheard(shop: Shop) -> None:
    shop.sandbox.fault("sslmarket", "cut_after", operation="order_create")
    assert shop.run(ORDER, shop.order()).result["error"]["kind"] == "outcome_unknown"


def not_booked(shop: Shop) -> None:
    shop.sandbox.fault("sslmarket", "cut_before", operation="order_create")
    assert shop.run(ORDER, shop.order()).result["error"]["kind"] == "outcome_unknown"


STATES = (absent, waiting, issued, fetched, reissue_runs, due, expired, revoked, odd_word, booked_unheard, not_booked)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_check_mode_says_what_the_run_does(shop: Shop, state: Callable[[Shop], None]) -> None:
    """Both modules; nothing is sent but GETs, nothing is written, and the second run changes nothing."""
    state(shop)
    same_key = "b" if state is reissue_runs else "a"
    for module, options in ((ORDER, shop.order(same_key)), (CERTIFICATE, shop.certificate(same_key))):
        before, sent = shop.tree(), shop.writes()
        predicted = shop.run(module, options, check=True, diff=True)
        assert (shop.tree(), shop.writes()) == (before, sent)
        real = shop.run(module, options)
        assert (steps(predicted), predicted.failed) == (steps(real), real.failed), (predicted.output, real.output)
        if not real.failed:
            assert predicted.result["changed"] == real.result["changed"]
            again = shop.run(module, options)
            assert (again.failed, again.result["changed"], steps(again)) == (False, False, []), again.output
    assert shop.booked() == {absent: 1, not_booked: 0, expired: 2}.get(state, 1)


# --- a CA that never delivers what was ordered ---------------------------------------------------------------------------

QUIRKS: list[dict[str, Any]] = [
    {"drop_name": True},
    {"extra_name": "other.test"},
    {"wrong_key": True},
    {"short_days": 2},
    {"is_ca": True},
    {"expired": True},
    {"not_yet_valid": True},
    {"no_chain": True},
    {"wrong_usage": True},
    {"never_issue": True},
    {"same_serial": True},
    {"omit_published": True},
    {"second_answer_differs": True},
]
NIGHTS = (0, 130, 100, 100)  # days that pass before each: all of them inside one term


def test_a_ca_that_never_delivers_what_was_ordered(sandbox: Sandbox, tmp_path: Path) -> None:
    """Request, order, certificate, night after night, with everything allowed: one purchase each."""
    driver = Driver(tmp_path / "driver.log")
    runs, codes = 0, Counter[str]()
    try:
        for number, quirk in enumerate(QUIRKS):
            sandbox.reset_knobs()
            sandbox.knobs(dcv="none", **quirk)
            name = f"quirk{number}.alpha.test"
            access = ordering.access(sandbox, tmp_path / "journal", sets_path=str(tmp_path / "sets"))
            entry = {"name": name, "domain": name, "product_code": ordering.PRODUCT}
            request = {"name": name, "domains": [name], "profile": ordering.PRODUCT, "challenge": "dns-01"}
            plans: list[tuple[str, dict[str, Any]]] = [
                (REQUEST, {"sets_path": access["sets_path"], "certificates": [request]}),
                (
                    ORDER,
                    {
                        **access,
                        "certificates": [entry],
                        "on_unknown": "resubmit",
                        "quiet_period": 0,
                        "max_orders_per_day": 1000,
                        **ordering.CONTACTS,
                    },
                ),
                (CERTIFICATE, {**access, "certificates": [entry], "wait": False}),
            ]
            for days in NIGHTS:
                orders = [order["order_id"] for order in sandbox.market()["orders"] if order["domain"] == name]
                for order_id in orders:
                    sandbox.age(days, order_id)
                for plan in plans:
                    code = driver.run(
                        {"steps": [plan], "report": str(tmp_path / "report"), "control_url": "", "webroot": ""}
                    )
                    codes[f"{plan[0]} {'well' if code == 0 else 'failed'}"] += 1
                    assert "Internal error" not in (tmp_path / "report").read_text(encoding="utf-8")
                runs += 1
    finally:
        driver.close()
    paid = Counter(entry["names"][0] for entry in ordering.booked(sandbox))
    print(
        f"\nquirks {len(QUIRKS)}, nights {runs}, runs of modules {sum(codes.values())}, orders {sum(paid.values())}, "
        f"the most for one certificate and term {max(paid.values())}; {dict(codes)}"
    )
    assert runs >= 50
    assert len(paid) == len(QUIRKS)
    assert set(paid.values()) == {1}


# --- a fleet ------------------------------------------------------------------------------------------------------------


def counted(sandbox: Sandbox) -> Counter[str]:
    return Counter(entry["operation"] for entry in sandbox.ledger(service="sslmarket"))


def test_a_fleet_costs_one_question(sandbox: Sandbox, tmp_path: Path) -> None:
    """The second run asks for the list, and for nothing else; what the CA reissued by itself is picked up."""
    names = [f"f{number}.fleet.test" for number in range(FLEET)]
    access = ordering.access(sandbox, tmp_path / "journal", sets_path=str(tmp_path / "sets"))
    entries = [{"name": name, "domain": name, "product_code": ordering.PRODUCT} for name in names]
    order = {**access, "certificates": entries, "max_orders_per_day": 1000, **ordering.CONTACTS}
    fetch = {**access, "certificates": entries}
    requests = [{"name": name, "domains": [name], "profile": ordering.PRODUCT, "challenge": "dns-01"} for name in names]
    told: list[str] = []

    def run(what: str, module: str, options: dict[str, Any]) -> modules.Run:
        sandbox.clear_ledger()
        began = time.monotonic()
        done = modules.finish(modules.start(module, options), 300)
        assert done.result, done.output
        assert not done.failed, done.result["msg"]
        told.append(f"{what} {time.monotonic() - began:.1f} s, requests {dict(counted(sandbox))}")
        return done

    run("requests", REQUEST, {"sets_path": access["sets_path"], "certificates": requests})
    assert len(run("orders", ORDER, order).result["steps"]) == FLEET
    assert counted(sandbox)["order_create"] == FLEET
    assert len(run("certificates", CERTIFICATE, fetch).result["steps"]) == FLEET
    assert counted(sandbox)["download"] == FLEET

    assert run("orders again", ORDER, order).result["changed"] is False
    assert counted(sandbox) == {}
    again = run("certificates again", CERTIFICATE, fetch)
    assert again.result["changed"] is False
    assert counted(sandbox) == {"order_list": 1}

    chosen = sorted(order["order_id"] for order in sandbox.market()["orders"] if order["domain"] in names)[:3]
    serials = {sandbox.auto_reissue(order_id) for order_id in chosen}
    third = run("three were reissued", CERTIFICATE, fetch)
    assert {each["serial"] for each in third.result["certificates"] if each["issued"]} == serials
    seen = counted(sandbox)
    assert (seen["download"], seen["order_create"], seen["reissue"]) == (3, 0, 0)
    assert seen["order_detail"] == 6  # seen once, and again under the lock
    assert run("and again", CERTIFICATE, fetch).result["changed"] is False
    assert counted(sandbox) == {"order_list": 1}
    print("\n" + "\n".join(f"{FLEET} certificates: {line}" for line in told))
    assert {path.stat().st_mode & 0o077 for path in tmp_path.rglob("*") if not path.is_symlink()} == {0}


# --- duplicates -----------------------------------------------------------------------------------------------------------


def test_two_controllers_hear_of_each_other(sandbox: Sandbox, tmp_path: Path) -> None:
    name = "twice.alpha.test"
    first, second = (Shop(sandbox, tmp_path / each, name) for each in ("one", "two"))
    ids = [first.buy()]
    refused = second.run(ORDER, second.order())
    assert str(ids[0]) in refused.result["msg"]
    ids.append(second.buy(abandoned=ids))
    for shop in (first, second):
        for module, options in (
            (ORDER, shop.order()),
            (CERTIFICATE, shop.certificate()),
            (CERTIFICATE, shop.certificate()),
        ):
            done = shop.run(module, options)
            assert not done.failed
            told = str(done.result.get("warnings"))
            assert all(str(order_id) in told for order_id in ids), (module, done.output)
    assert len(ordering.booked(sandbox)) == 2


# --- formats ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p7b_format", ["pem", "der"])
def test_three_formats_of_one_certificate(shop: Shop, p7b_format: str, program: Callable[[str], str]) -> None:
    shop.sandbox.knobs(p7b_format=p7b_format, reversed_chain=True)
    order_id = shop.buy()
    assert steps(shop.fetch()) == [f"fetch {shop.name}"]
    (leaf,) = x509.load_pem_x509_certificates((shop.files / "path.pem").read_bytes())
    full = x509.load_pem_x509_certificates((shop.files / "fullchain_path.pem").read_bytes())
    bundle = library.load_pem_pkcs7_certificates((shop.files / "p7b_path.pem").read_bytes())
    assert full[0] == leaf
    assert len(full) == 2
    assert set(full) < set(bundle)
    assert len(bundle) == 3
    assert format(leaf.serial_number, "x") == shop.sandbox.market_order(order_id)["serials"][-1]
    assert (shop.files / "path.pem").read_bytes() == leaf.public_bytes(Encoding.PEM)
    command = [program("openssl"), "verify", "-CAfile", shop.sandbox.ca_path, "-untrusted"]
    command += [str(shop.files / "fullchain_path.pem"), str(shop.files / "path.pem")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_hostile_downloads_do_not_reach_the_disk(shop: Shop) -> None:
    order_id = shop.buy()
    foreign = pki.authority("Foreign")
    theirs = pki.server([shop.name], foreign)
    good = shop.sandbox.market_order(order_id)
    assert good["serials"]
    bodies = {
        "page": b"<html><body>-----BEGIN CERTIFICATE-----</body></html>",
        "key": theirs.pem + foreign.pem + theirs.key_pem,
        "other key": theirs.pem + foreign.pem,
        "directive": theirs.pem + b"\nssl_certificate_key /etc/shadow;\n",
        "cut": theirs.pem[:300],
        "nothing": b"",
    }
    for kind, body in bodies.items():
        encoded = base64.b64encode(body).decode()
        shop.sandbox.clear_faults()
        shop.sandbox.fault("sslmarket", "malformed", 20, operation="download", status=200, body_base64=encoded)
        done = shop.run(CERTIFICATE, shop.certificate(timeout=5))
        assert done.failed, kind
        assert not shop.files.exists() or not list(shop.files.iterdir()), kind
    shop.sandbox.clear_faults()
    assert steps(shop.fetch()) == [f"fetch {shop.name}"]
    print(f"\nhostile downloads {len(bodies)}, on disk 0")


# --- reissues that get lost, are taken back; revocations ----------------------------------------------------------------


def started(sandbox: Sandbox) -> int:
    return sandbox.count(service="sslmarket", effect="reissue_started")


@pytest.mark.parametrize("fault", ["cut_after", "502_after", "killed"])
def test_a_reissue_that_was_not_heard(shop: Shop, fault: str) -> None:
    """As long as it runs nobody asks for it again."""
    fetched(shop)
    shop.sandbox.knobs(never_issue=True)
    if fault == "killed":
        shop.sandbox.fault("sslmarket", "hang", operation="reissue", seconds=5)
        process = modules.start(CERTIFICATE, shop.certificate("b"))
        end = time.monotonic() + 20
        while not started(shop.sandbox) and time.monotonic() < end:
            time.sleep(0.05)
        process.kill()
        process.communicate()
    else:
        shop.sandbox.fault("sslmarket", fault, operation="reissue")
        assert shop.run(CERTIFICATE, shop.certificate("b")).result["error"]["kind"] == "outcome_unknown"
    assert started(shop.sandbox) == 1
    for _run in range(3):
        done = shop.run(CERTIFICATE, shop.certificate("b"))
        assert (done.failed, done.result["waiting"]) == (False, [shop.name])
    assert started(shop.sandbox) == 1
    shop.sandbox.knobs(never_issue=False)
    done = shop.run(CERTIFICATE, shop.certificate("b", wait=True, wait_timeout=30))
    assert (done.failed, one(done)["issued"], started(shop.sandbox)) == (False, True, 1)
    assert shop.booked() == 1


def test_a_reissue_is_taken_back(shop: Shop) -> None:
    reissue_runs(shop)
    options = shop.certificate("b", state="reissue_cancelled")
    before, sent = shop.tree(), shop.writes()
    predicted = shop.run(CERTIFICATE, options, check=True)
    assert (shop.tree(), shop.writes()) == (before, sent)
    real = shop.run(CERTIFICATE, options)
    assert steps(predicted) == steps(real) == [f"cancel_reissue {shop.name}"]
    assert shop.run(CERTIFICATE, options).result["changed"] is False
    assert shop.sandbox.count(effect="reissue_cancelled") == 1


def test_a_revocation_is_for_client_certificates(shop: Shop) -> None:
    """Ordered by other means: the module places orders for servers."""
    order_id = shop.buy()
    serial = shop.sandbox.market_order(order_id)["serials"]
    tls = {**ordering.access(shop.sandbox, shop.journal), "order_id": order_id, "state": "revoked"}
    refused = shop.run(CERTIFICATE, {**tls, "serial_number": serial[0] if serial else "aa"})
    assert "is for a TLS certificate, which the API cannot revoke" in refused.result["msg"]

    people = {f"{group}_{name}": text for group, each in ordering.CONTACTS.items() for name, text in each.items()}
    body = {"domain": "ada@alpha.test", "years": 1, "csr": shop.csr("client").read_text(), **people}
    number = place(shop.sandbox, "DIGICERT_CLIENT_PREMIUM_CLASS_1", body)
    options = {**tls, "order_id": number}
    wrong = shop.run(CERTIFICATE, {**options, "serial_number": "aa"})
    assert f"order {number} has the certificate" in wrong.result["msg"]
    right = {**options, "serial_number": shop.sandbox.market_order(number)["serials"][-1].upper()}
    assert shop.run(CERTIFICATE, right, check=True).result["changed"] is True
    assert shop.sandbox.count(effect="certificate_revoked") == 0
    assert shop.run(CERTIFICATE, right).result["steps"][0]["cost"] == "final"
    assert shop.run(CERTIFICATE, right).result["changed"] is False
    assert shop.sandbox.count(effect="certificate_revoked") == 1


def place(sandbox: Sandbox, product: str, body: dict[str, Any]) -> int:
    with requests.Session() as session:
        session.trust_env, session.verify = False, sandbox.ca_path
        session.headers["X-Auth-Token"] = sandbox.sslmarket["api_token"]
        url = sandbox.sslmarket["api_url"]
        answer = session.post(f"{url}/order/certificate/{product}", json=body, timeout=10)
        number = int(answer.json()["order_id"])
        assert session.get(f"{url}/order/order_id/{number}", timeout=10).json()["state"] == "published"
    return number


# --- disks that are full ------------------------------------------------------------------------------------------------


@pytest.mark.needs("prlimit")
def test_no_order_without_a_journal(shop: Shop) -> None:
    """No file may grow: the intent cannot be written, and nothing is sent."""
    options = shop.order()
    done = shop.run(ORDER, options, wrapper=("prlimit", "--fsize=0"))
    assert (done.result["error"]["kind"], shop.writes()) == ("state", 0)
    assert "the journal cannot be written" in done.result["msg"]
    assert not shop.run(ORDER, options).failed
    assert shop.booked() == 1


FULL = 'mount -t tmpfs -o size=8k tmpfs "$0" && dd if=/dev/zero of="$0/full" bs=1k count=64 2>/dev/null; exec "$@"'
READ_ONLY = 'mount -t tmpfs -o ro tmpfs "$0" && exec "$@"'


@pytest.mark.root
@pytest.mark.needs("unshare", "mount")
@pytest.mark.parametrize("script", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_no_order_on_a_disk_that_takes_nothing(shop: Shop, script: str) -> None:
    shop.journal.mkdir()
    options = shop.order()
    try:
        subprocess.run(
            ["unshare", "-m", "sh", "-c", READ_ONLY, str(shop.journal), "true"], check=True, capture_output=True
        )
    except subprocess.CalledProcessError:
        pytest.skip("no mounts here")
    done = shop.run(ORDER, options, wrapper=("unshare", "-m", "sh", "-c", script, str(shop.journal)))
    assert (done.failed, done.result["error"]["kind"], shop.writes()) == (True, "state", 0), done.output
    assert not shop.run(ORDER, options).failed
    assert shop.booked() == 1


# --- waiting ------------------------------------------------------------------------------------------------------------


def test_the_time_to_wait_is_over(shop: Shop) -> None:
    shop.sandbox.knobs(dcv="look")
    order_id = shop.buy()
    done = shop.run(CERTIFICATE, shop.certificate(wait=True, wait_timeout=1))
    assert (done.failed, done.result["error"]["code"]) == (True, "waiting")
    assert done.result["error"]["order_id"] == order_id
    record = one(done)["dcv"]["records"][0]
    shop.sandbox.add_txt(record["record"], record["value"])
    done = shop.run(CERTIFICATE, shop.certificate(wait=True, wait_timeout=30))
    assert (done.failed, one(done)["issued"]) == (False, True)


def test_a_playbook_shows_what_it_waits_for(shop: Shop, tmp_path: Path) -> None:
    """Two certificates in one task; one comes earlier than the other, and the result has both."""
    shop.sandbox.knobs(dcv="look")
    other = Shop(shop.sandbox, tmp_path / "other", "other." + shop.name)
    number, later = shop.buy(), other.buy()
    entries = []
    for each in (shop, other):
        options = each.certificate()
        keep = ("product_code", "csr_path", "path", "fullchain_path")
        entries.append({name: options[name] for name in keep})
        # one journal for both
        shutil.copytree(each.journal, tmp_path / "both", dirs_exist_ok=True)
    module = f"certfleet.reseller.{CERTIFICATE}"
    access = ordering.access(shop.sandbox, tmp_path / "both", api_token="{{ token }}")
    task = {"name": "Fetch", module: {**access, "certificates": entries, "wait_timeout": 60}, "register": "done"}
    shown = {
        "name": "Show",
        "ansible.builtin.copy": {"content": "{{ done | to_json }}", "dest": str(tmp_path / "result")},
    }
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task, shown]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    (tmp_path / "vars.json").write_text(json.dumps({"token": shop.sandbox.sslmarket["api_token"]}))

    def publish() -> None:
        """One by one, once the module has been seen."""
        while not shop.sandbox.count(operation="order_detail"):
            time.sleep(0.1)
        for order_id in (number, later):
            time.sleep(4)
            order = shop.sandbox.market_order(order_id)
            shop.sandbox.add_txt("_dnsauth." + order["domain"], order["content"])

    shop.sandbox.clear_ledger()
    began = threading.Thread(target=publish, daemon=True)
    began.start()
    done = subprocess.run(
        ["ansible-playbook", str(tmp_path / "play.yml"), "-e", f"@{tmp_path / 'vars.json'}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    began.join()
    (tmp_path / "vars.json").unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("waiting for ")]
    assert lines[0].startswith("waiting for 2 certificates (")
    assert f"{shop.name} (order {number}, waiting)" in lines[0]
    result = json.loads((tmp_path / "result").read_text())
    assert (result["changed"], result["waiting"]) == (True, [])
    assert [each["issued"] for each in result["certificates"]] == [True, True]
    assert all(Path(entry["path"]).exists() for entry in entries)
    shop.told.append(done.stdout + done.stderr)
    shop.silent()
    print("\n" + "\n".join(lines))
