# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories, commands and tasks of README, guides and EXAMPLES, run against one sandbox.

Tests go on where the one before ended, as a reader does; docs/development/docs.md is the overview.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import block_plays
from tests.support.block_commands import TESTS, way
from tests.support.blocks import Block, all_blocks, commands
from tests.support.fleet import Run
from tests.support.hook import FILES, KID, PREFIX, Hook
from tests.support.sandbox import Sandbox
from tests.support.shelter import HOSTS, RESOLVE, Shelter

BLOCKS = [block for block in all_blocks() if block.source not in TESTS]
# Their inventories are of one fleet; others show single settings.
FLEET = (
    "README.md",
    *(f"docs/docsite/rst/{name}.rst" for name in ("getting_started", "identrust")),
)
SITE = "ansible-playbook -i inventory --become certfleet.reseller.site"
BUY = "-e sslmarket_client_allow_purchase=true"

pytestmark = pytest.mark.needs("curl", "openssl")


@pytest.fixture(scope="module")
def shelter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelter]:
    with Sandbox(hosts=HOSTS, resolve=RESOLVE, revocation_urls="ocsp") as sandbox:
        made = Shelter(sandbox, tmp_path_factory.mktemp("guides"))
        made.program("nginx", *sandbox.reload_command("web1"))
        made.program("systemctl", "true")
        yield made


def told(start: str) -> list[str]:
    """The commands of all texts that begin with this, each once, in their order."""
    shell = [block for block in BLOCKS if block.kind == "shell"]
    return list(dict.fromkeys(each for block in shell for each in commands(block) if each.startswith(start)))


def fine(run: Run) -> Run:
    assert run.code == 0, run.output[-6000:]
    return run


def issued(shelter: Shelter) -> set[str]:
    return {path.parent.name for path in (shelter.home / ".certfleet" / "sets").glob("*/current")}


# --- a fleet ----------------------------------------------------------------------------------------------------------


def fleet() -> list[Block]:
    return [block for block in BLOCKS if block.source in FLEET and block.kind == "inventory"]


def described(*issuers: str) -> set[str]:
    """The names of the certificates that the fleet's blocks have; of these issuers alone, if there are any."""
    entries = [entry for block in fleet() for entry in block.value.get("certfleet_certificates", [])]
    return {str(entry["name"]) for entry in entries if not issuers or entry["issuer"] in issuers}


def test_a_first_run_does_all_that_costs_nothing(shelter: Shelter) -> None:
    shelter.describe(*fleet())
    for command in told("export "):
        shelter.export(command)
    assert set(told(SITE)) == {SITE, f"{SITE} {BUY}", f"{SITE} --check --diff"}
    run = shelter.run(SITE)
    assert f"To buy, run again with {BUY}" in run.output, run.output[-6000:]
    assert (issued(shelter), shelter.sandbox.market()["orders_paid"]) == (described() - described("gamma"), 0)


def test_the_next_one_buys_what_was_allowed(shelter: Shelter) -> None:
    fine(shelter.run(f"{SITE} {BUY}"))
    assert (issued(shelter), shelter.sandbox.market()["orders_paid"]) == (described(), len(described("gamma")))
    print(
        f"{len(fleet())} inventories of texts: {len(described())} certificates, {len(described('gamma'))} of them bought"
    )


def test_then_there_is_nothing_to_do(shelter: Shelter) -> None:
    shelter.sandbox.clear_ledger()
    run = fine(shelter.run(f"{SITE} --check --diff"))
    assert run.changed == set()
    assert "WARNING" not in run.output
    assert {entry["operation"] for entry in shelter.sandbox.ledger()} <= {"order_list"}


@pytest.mark.parametrize(
    "start",
    [
        "ansible-playbook certfleet.reseller.site",
        "ansible-playbook certfleet.reseller.deploy",
        "ansible-playbook certfleet.reseller.report",
        "ansible-playbook certfleet.reseller.plan",
        "ansible-playbook certfleet.reseller.certificate_received",
    ],
)
def test_playbooks_of_every_day(shelter: Shelter, start: str) -> None:
    assert told(start)
    for command in told(start):
        run = fine(shelter.run(command))
        assert run.changed == set() or start.endswith("report")  # whose files are the change
    assert (shelter.home / ".certfleet" / "report" / "index.html").exists() or "report" not in start


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_back_to_an_older_version_by_hand(shelter: Shelter) -> None:
    deployed = Path(shelter.sandbox.host("web1")["root"]) / "tls" / "www.alpha.example"
    shutil.copytree((deployed / "current").resolve(), deployed / "4d2f0c77a1b2")
    steps = [*told("cd /etc/certfleet/"), *told("ls -l"), *told("ln -s"), *told("nginx -t")]
    with shelter.speaking({"/etc/certfleet/www.example.com": str(deployed)}):
        fine(shelter.run(*steps))
    assert (deployed / "current").resolve().name == "4d2f0c77a1b2"


def test_an_account_gets_the_name_that_the_collection_gives_it(shelter: Shelter) -> None:
    accounts = shelter.home / ".certfleet" / "accounts"
    before = {path.name for path in accounts.iterdir()}
    (known,) = (path for path in accounts.glob("alpha-*.key") if "-ecc" in path.with_suffix(".json").read_text())
    shutil.copy(known, shelter.work / "account.key")
    fine(shelter.run(*told("digest="), *told("install -D")))
    assert {path.name for path in accounts.iterdir()} == before


def test_the_resellers_desk(shelter: Shelter) -> None:
    """The policy of the guide allows its request; the commands of the desk show what came of it."""
    (policy,) = (block.value for block in BLOCKS if "group_vars/desk.yml" in block.text)
    (shelter.home / ".certfleet" / "hook").mkdir(parents=True)
    (shelter.home / ".certfleet" / "hook" / "prefix").write_text(PREFIX)
    shelter.write("files/sslcom-roots.pem", Path(shelter.sandbox.ca_path).read_text())
    assert "certfleet sandbox root" in fine(shelter.run(*told("openssl crl2pkcs7"))).output
    assert fine(shelter.run(*told("echo "))).output == f"https://desk.reseller.example/{PREFIX}\n"
    hook = Hook(shelter.path / "desk")
    hook.customers = {"alpha": {**policy["sslcom_reseller_hook_customers"]["alpha"], "kids": [KID]}}
    hook.write_policy()
    with hook:
        shelter.program("certfleet-hook", "env", f"PYTHONPATH={FILES}", *hook.command("$@"))
        words = {"https://desk.reseller.example/$PREFIX": f"http://127.0.0.1:{hook.port}/{PREFIX}", '"KID"': f'"{KID}"'}
        with shelter.speaking(words):
            (request,) = (each for each in told("curl ") if "reseller_authorization" in each)
            assert json.loads(answer(shelter, request)) == {"success": True}
        names = ["www.alpha.example"]
        assert hook.deliver(names, hook.authority.chain(names, days=90))[0] == 200
        (fingerprint,) = hook.query("SELECT fingerprint FROM certificates")[0]
        with shelter.speaking({"FINGERPRINT": fingerprint}):
            for command in told("certfleet-hook "):
                assert fine(shelter.run(command)).output.strip()


def answer(shelter: Shelter, command: str) -> str:
    """What curl got; its progress goes elsewhere."""
    shelter.ran.add(command)
    return fine(shelter.shell(shelter.replace(command) + " 2>/dev/null")).output


def test_the_sandbox_is_told_by_its_control_api(shelter: Shelter) -> None:
    meta = shelter.home / ".certfleet" / "sets" / "blog.alpha.example" / "current" / "meta.json"
    (revocation,) = (each for each in told("curl ") if "/revocation" in each)
    with shelter.speaking({"4a1f03c2": json.loads(meta.read_text())["serial"]}):
        assert "error" not in answer(shelter, revocation)
    (hook,) = (each for each in told("curl ") if "/sslcom/hook" in each)
    assert "error" not in answer(shelter, hook)


# --- examples ---------------------------------------------------------------------------------------------------------


def test_examples_of_modules_and_guides(shelter: Shelter) -> None:
    """One play with all of them, and the commands that call a module."""
    shelter.sandbox.control("DELETE", "/sslcom/hook")
    with shelter.speaking(block_plays.prepare(shelter)):
        for command in told("ansible localhost "):
            fine(shelter.run(command))
        shelter.write("examples.yml", json.dumps(block_plays.play(BLOCKS, shelter)))
        run = fine(shelter.shell("ansible-playbook examples.yml"))
    ran = {task for task, _state, _who in run.tasks}
    tasks = block_plays.tasks(BLOCKS)
    skipped = {task["name"] for task in tasks} - ran
    assert skipped <= {"Renew in time", "Report the issuers that failed", "Those that end soon"}  # nothing to say
    print(f"{len(tasks)} tasks run, {len(block_plays.TASKS_NOT_RUN)} not, {len(block_plays.PLAYS_NOT_RUN)} plays not")


def test_reasons_are_about_what_is_there() -> None:
    names = {task["name"] for block in BLOCKS if block.kind == "tasks" for task in block_plays.flat(block.value)}
    assert set(block_plays.TASKS_NOT_RUN) <= names
    assert set(block_plays.PLAYS_NOT_RUN) <= {block.source for block in BLOCKS if block.kind == "playbook"}


def test_every_command_that_shall_run_has_run(shelter: Shelter) -> None:
    wanted = {each for each in told("") if way(each) == "run"}
    assert wanted == shelter.ran
    print(f"{len(wanted)} commands run")
