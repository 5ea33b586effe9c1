"""demo.py [-v] [--keep]: the quickstart playbook three times, and what the simulated providers saw of it.

From nothing to certificates that three TLS servers on this machine serve, proven by handshakes; then the same again,
which must change nothing; then with another key for a certificate that is paid for, which must cost nothing. At last
SSL.com asks the reseller, whose service allows one order and refuses another, and the certificate that SSL.com brings
is deployed. Stops and removes what it made, also after Ctrl-C, unless --keep is given.
-v shows everything that Ansible says.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from typing import IO, Any

import yaml
from demo_desk import ASKED, CERTIFICATES, Desk, inventory, told

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / ".work"
LOG = WORK / "logs" / "demo.log"
REPORT = WORK / "report"  # stays, to be looked at
BIN = pathlib.Path(sys.executable).parent
SANDBOX = ROOT / "roles" / "sandbox" / "files" / "certfleet_sandbox"
PROVIDERS, SERVERS = ("sslcom", "identrust", "sslmarket"), ("acme-sslcom", "acme-identrust")
TABLE_TASK = "Show what the fleet serves"
REFUSED_TASK = "Report what was not issued"
QUIET = (
    "Validating arguments",
    "Check",
    "Look for",
    "Ask what",
    "Bring the sandbox",
    "Show what",
    "Keep in mind",
    "Compare what",
    "Show the state",
)
LAST_TASK = "Say how to look around, and how to stop it"  # the demo stops it itself
SECONDS = 300
START = time.monotonic()

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
COLOURS = {"changed": "33", "ok": "32", "failed": "31", "dim": "2", "bold": "1"}

RESULT = re.compile(r"(ok|changed|failed|fatal): \[([^\]]+)\](?:.*?\(item=([^)]*)\))?")
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")


class Failed(Exception):
    """The demo does not go on; the text says why."""


def paint(text: str, colour: str) -> str:
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if COLOUR else text


def say(text: str = "") -> None:
    print(text, flush=True)


def head(text: str) -> None:
    say(f"\n{paint(text, 'bold')}")


def line(state: str, text: str, details: str = "") -> None:
    shown = f"  {paint('(' + details + ')', 'dim')}" if details else ""
    say(f"  {time.monotonic() - START:5.1f} s  {paint(f'{state:7}', state)}  {text}{shown}")


class Output:
    """Reads what Ansible prints and shows one line for each task that did something."""

    def __init__(self, verbose: bool, changes_only: bool = False) -> None:
        self._verbose, self._changes_only = verbose, changes_only
        self._task, self._states, self._who = "", set[str](), list[str]()
        self._block: list[str] | None = None
        self.table: list[str] = []
        self.refused = ""
        self.changed: dict[str, int] = {}
        self.failed = 0

    def take(self, text: str) -> None:
        if self._verbose:
            say(f"    {text}")
        if text.startswith(("TASK [", "PLAY [", "PLAY RECAP")):
            self.flush()
            self._task = text[6 : text.rindex("]")].split(" : ")[-1] if text.startswith("TASK") else ""
        elif found := RECAP.match(text):
            self.changed[found[1]] = int(found[2])
            self.failed += int(found[3]) + int(found[4])
        elif found := RESULT.match(text):
            self._states.add("failed" if found[1] == "fatal" else found[1])
            item = "" if (found[3] or "").startswith(("(censored", "None")) else found[3]  # hidden by no_log
            self._who.append(item or found[2].split(" ->")[-1].strip())
        if self._task in (TABLE_TASK, REFUSED_TASK):
            self._read_message(text)

    def _read_message(self, text: str) -> None:
        """The message of the debug task, or of the one that fails."""
        if self._block is None and "=> " in text:
            self._block = []
        elif self._block is not None and text:
            self._block.append(text)
        elif self._block:
            message = yaml.safe_load("\n".join(self._block))["msg"]
            self._block = None
            if self._task == TABLE_TASK:
                self.table = message
            else:
                self.refused = message

    def flush(self) -> None:
        quiet = self._task.startswith(QUIET)
        quiet = quiet or self._task in ("Read the endpoints", "Publish the endpoints", LAST_TASK)
        quiet = quiet or (self._changes_only and self._states == {"ok"})
        states = [state for state in ("failed", "changed", "ok") if state in self._states]
        if self._task and states and (not quiet or states[0] == "failed") and not self._verbose:
            line(states[0], self._task, ", ".join(dict.fromkeys(self._who)))
        self._states, self._who = set(), []


class Demo:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        WORK.mkdir(exist_ok=True)
        LOG.parent.mkdir(exist_ok=True)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="demo-", dir=WORK))
        (self.path / "ansible.cfg").touch()  # an ansible.cfg of the user has no say here, nor has an inventory
        (self.path / "inventory.ini").touch()
        self.sandbox = self.path / "sandbox"
        self._process: subprocess.Popen[str] | None = None
        self._seen = 0

    # -- the runs ------------------------------------------------------------------------------------------------------

    def run(self) -> str:
        """The whole demo. What came out of it, in one sentence."""
        with LOG.open("w", encoding="utf-8") as log:
            head("First run: credentials, accounts, orders, challenges, certificates, deployment")
            first = self._play(log)
            self._show_calls()
            head("What the fleet serves now")
            say("\n".join(f"  {text}" for text in first.table))
            self._shake_hands()
            head("Second run: everything is in order, so nothing may happen")
            second = self._play(log)
            again = self._show_calls()
            head("Third run: portal.gamma.test shall have an RSA key; it is paid for, so this may cost nothing")
            third = self._play(log, changes_only=True, quickstart_key_type="rsa", quickstart_report=True)
            self._show_calls()
            self._shake_hands()
            head("SSL.com asks the reseller: there are funds for one of two new certificates")
            desk = self._ask_reseller(log)
        paid = self._show_paid()
        if any(second.changed.values()):
            raise Failed(f"the second run changed something: {second.changed}")
        # one look whether the CA has reissued something by itself
        if dict(again) != {"sslmarket": 1}:
            raise Failed(f"the second run sent requests: {dict(again)}")
        if paid != 1 or serials(second) == serials(third):
            raise Failed(f"{paid} orders are paid, and the third run left the certificates as they were")
        proofs = [sum("served" in text.split() for text in run.table[1:]) for run in (first, second, third)]
        rows = len(third.table) - 1
        if not rows or proofs != [rows] * 3:
            raise Failed(f"not all of {rows} endpoints are proven: {proofs}")
        names = len({text.split()[1] for text in third.table[1:]})
        return (
            f"{names} certificates on {len(second.changed) - 1} hosts, {rows} of {rows} endpoints proven; "
            f"second run: changed=0 on all hosts, 1 request (for SSLmarket's list of orders); orders paid: {paid}; {desk}"
        )

    def _ask_reseller(self, log: IO[str]) -> str:
        """SSL.com calls the reseller's service, which allows one order and refuses the other; then the event, and the deployment."""
        endpoints = json.loads((self.sandbox / "endpoints.json").read_text(encoding="utf-8"))
        record = json.loads((self.path / "state" / "eab" / "alpha.json").read_text(encoding="utf-8"))
        # one at a time, so that it is the second one for which there are no funds
        new: dict[str, Any] = {"certfleet_certificates": CERTIFICATES, "acme_client_workers": 1}
        with Desk(self.path / "desk", endpoints["ca_path"], record["kid"]) as desk:
            desk.await_ready()
            desk.tell_sslcom(endpoints["control_url"])
            hosts = inventory(self.path, endpoints)
            issued = self._play(log, "certfleet.reseller.issue", hosts, code=2, changes_only=True, **new)
            events = desk.events_with("certificate")
        say(f"           what the customer sees: {issued.refused}")
        for event in events:
            line("ok" if event.get("allowed", True) else "failed", f"event: {told(event)}")
        new["certfleet_received_names"] = received = next(
            each["names"] for each in events if each["kind"] == "certificate"
        )
        self._play(log, "certfleet.reseller.certificate_received", hosts, changes_only=True, **new)
        self._shake_hands({"web1": tuple(received)})
        codes = [event.get("code", "allowed") for event in events if event["kind"] == "authorization"]
        if sorted(codes) != ["allowed", "funds"] or received != [ASKED[0]]:
            raise Failed(f"the reseller decided {codes}, and {received} was issued")
        return "SSL.com asked twice: 1 order allowed, debited once and deployed, 1 refused"

    def _play(
        self,
        log: IO[str],
        playbook: str = "certfleet.reseller.quickstart",
        inventory: pathlib.Path | None = None,
        code: int = 0,
        changes_only: bool = False,
        **more: Any,
    ) -> Output:
        """A run that ends with this code, or Failed."""
        report = {"quickstart_report": False, "quickstart_report_path": str(REPORT)}
        variables = {"quickstart_path": str(self.path), "sandbox_python": sys.executable, **report, **more}
        if inventory:
            variables["certfleet_hosts"] = "certfleet_quickstart"
        command = [str(BIN / "ansible-playbook"), playbook, "-e", json.dumps(variables)]
        command += ["-i", str(inventory)] if inventory else []
        command += ["-v"] if self._options.verbose else []
        output = Output(self._options.verbose, changes_only)
        end = time.monotonic() + SECONDS
        self._process = subprocess.Popen(
            command,
            cwd=self.path,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout
        signal.alarm(int(end - time.monotonic()))
        for text in self._process.stdout:
            log.write(text)
            output.take(text.rstrip("\n"))
        signal.alarm(0)
        output.flush()
        ended = self._process.wait()
        self._process = None
        if ended != code:
            raise Failed(f"ansible-playbook ended with code {ended}")
        return output

    def _environment(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        collections_path = ROOT / ".venv" / "collections"
        return {
            **env,
            "PATH": f"{BIN}{os.pathsep}{env.get('PATH', os.defpath)}",
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(collections_path)),
            "ANSIBLE_CONFIG": str(self.path / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.path / "ansible"),
            "ANSIBLE_INVENTORY": str(self.path / "inventory.ini"),
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        }

    # -- what others saw of it -----------------------------------------------------------------------------------------

    def _entries(self) -> list[dict[str, Any]]:
        with (self.sandbox / "ledger.jsonl").open(encoding="ascii") as ledger:
            return [json.loads(text) for text in ledger]

    def _show_calls(self) -> collections.Counter[str]:
        """Requests per service since the last time."""
        entries = self._entries()
        calls = collections.Counter(entry["service"] for entry in entries[self._seen :])
        self._seen = len(entries)
        providers = ", ".join(f"{name} {calls[name]}" for name in PROVIDERS)
        servers = ", ".join(f"{name.partition('-')[2]} {calls[name]}" for name in SERVERS)
        say(f"           requests that arrived: providers {providers}; ACME servers {servers}")
        return calls

    def _show_paid(self) -> int:
        """How many orders SSLmarket has booked."""
        entries = self._entries()
        booked = [entry for entry in entries if entry["effect"] == "order_booked"]
        reissues = sum(entry["effect"] == "reissue_started" for entry in entries)
        price = f"{sum(entry['price'] for entry in booked):.2f} {booked[0]['currency']}" if booked else "nothing"
        say(f"           orders paid: {len(booked)} ({price}), reissues, which are free: {reissues}")
        return len(booked)

    def _shake_hands(self, served: dict[str, tuple[str, ...]] | None = None) -> None:
        """A client that knows nothing of Ansible: does each host serve a certificate for the name that the CA stands for?"""
        endpoints = json.loads((self.sandbox / "endpoints.json").read_text(encoding="utf-8"))
        context = ssl.create_default_context(cafile=endpoints["ca_path"])
        count = 0
        for host, names in (served or SERVED).items():
            place = endpoints["hosts"][host]
            for name in names:
                with (
                    socket.create_connection((place["address"], place["tls_port"]), timeout=5) as plain,
                    context.wrap_socket(plain, server_hostname=name) as connection,
                ):
                    connection.getpeercert()
                count += 1
        line("ok", f"an independent TLS client verified {count} names against the sandbox's CA")

    # -- the end -------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Nothing stays: no process, no file but the log."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._options.keep:
            say(f"\nIt goes on running, with its files in {self.path}. To look around and to end it:")
            say(f"  {sys.executable} {SANDBOX} ledger --state {self.sandbox}")
            say(f"  {sys.executable} {SANDBOX} stop --state {self.sandbox}")
            return
        if self.sandbox.exists():
            subprocess.run(
                [sys.executable, str(SANDBOX), "stop", "--state", str(self.sandbox)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )
        shutil.rmtree(self.path, ignore_errors=True)


def serials(run: Output) -> set[str]:
    return {text.split()[3] for text in run.table[1:]}


# The names that group_vars/certfleet_quickstart.yml puts on each host; any name will do for the wildcard.
SERVED = {
    "web1": ("www.alpha.test", "static.alpha.test", "any.alpha.test"),
    "web2": ("www.alpha.test", "any.alpha.test", "shop.beta.test"),
    "web3": ("any.alpha.test", "api.beta.test", "portal.gamma.test"),
}


def stopped(number: int, _frame: Any) -> None:
    raise Failed(f"no end after {SECONDS} s") if number == signal.SIGALRM else KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-v", "--verbose", action="store_true", help="show everything that Ansible says")
    parser.add_argument("--keep", action="store_true", help="leave the sandbox and the hosts running")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, stopped)
    say(paint("certfleet.reseller: a fleet of three web servers and three customers, on this machine alone", "bold"))
    say(
        "SSL.com, IdenTrust and SSLmarket are simulated. The ACME servers, the DNS server and the TLS servers are real ones."
    )
    demo, problem, outcome = Demo(options), "", ""
    try:
        outcome = demo.run()
    except Failed as error:
        problem = str(error)
    except (OSError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    except KeyboardInterrupt:
        problem = "interrupted"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        demo.stop()
    if problem:
        say(f"\n{paint('RESULT  failed', 'failed')}: {problem}; all that Ansible said is in {LOG}")
        return 1
    say(f"\nThe report of the fleet, to be opened in a browser: {(REPORT / 'index.html').as_uri()}")
    say(f"\n{paint('RESULT  ok', 'ok')}: {outcome}; {time.monotonic() - START:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
