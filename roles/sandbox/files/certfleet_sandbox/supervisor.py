# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that starts everything, waits, and ends everything.

    supervisor   the providers' simulators, the control API and the DNS server, as threads
      |- acme-sslcom, acme-identrust     acme2certifier reads its configuration at import: a process each
      `- one process per host            so that each has a pid to send SIGHUP to

State directory: options.json, secrets.json and ports.json (kept over restarts), pki/, providers/, acme/<provider>/,
hosts/<name>/, ledger.jsonl, sandbox.pid, sandbox.log (with --detach) and, while it runs, endpoints.json.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from pathlib import Path
from typing import Any

from certfleet_sandbox import endpoints, host, pki, ports, revocation
from certfleet_sandbox.acme_server import Settings
from certfleet_sandbox.control import Control
from certfleet_sandbox.dnsserver import DnsServer
from certfleet_sandbox.faults import FaultPlan, Seeded
from certfleet_sandbox.files import PidFile, read_json, write_json
from certfleet_sandbox.identrust import Access, IdenTrust
from certfleet_sandbox.ledger import Ledger
from certfleet_sandbox.names import Names
from certfleet_sandbox.options import Options
from certfleet_sandbox.reseller import HookControl
from certfleet_sandbox.revocation_server import RevocationServer
from certfleet_sandbox.sslcom import SslCom
from certfleet_sandbox.sslmarket import knobs
from certfleet_sandbox.sslmarket.ca import Authority
from certfleet_sandbox.sslmarket.control import MarketControl
from certfleet_sandbox.sslmarket.dcv import Dcv
from certfleet_sandbox.sslmarket.market import Market
from certfleet_sandbox.sslmarket.service import SslMarket
from certfleet_sandbox.web import Server, Service

SERVICES = ("control", "sslcom", "identrust", "acme-sslcom", "acme-identrust", "sslmarket", "revocation")
PLAIN = ("control", "revocation")  # over http, as responders are
DIRECTORIES = {
    "sslcom": {"rsa": "/sslcom-dv-rsa", "ecc": "/sslcom-dv-ecc"},
    "identrust": {"TLS-90d": "/acme/TLS-90d/directory"},
}
READY_SECONDS = 60
_ENDINGS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Failed(Exception):
    """The sandbox cannot start or go on; the text says why."""


def endpoints_path(state: Path) -> Path:
    return state / "endpoints.json"


def pid_file(state: Path) -> PidFile:
    return PidFile(state / "sandbox.pid")


class Supervisor:
    def __init__(self, state: Path, options: Options) -> None:
        self.state, self.options = state, options
        self._ledger = Ledger(state / "ledger.jsonl")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._hosts: dict[int, str] = {}
        self._lifeline: tuple[int, int] = (-1, -1)

    def run(self) -> None:
        """Serves until a signal to end; raises Failed."""
        lock = pid_file(self.state).acquire()
        if lock is None:
            raise Failed(f"a sandbox runs in {self.state} already")
        try:
            endpoints_path(self.state).unlink(missing_ok=True)
            # Blocked in every thread, and so left to sigwait() below.
            signal.pthread_sigmask(signal.SIG_BLOCK, {*_ENDINGS, signal.SIGCHLD})
            self._start(lock)
            self._wait()
        finally:
            endpoints_path(self.state).unlink(missing_ok=True)
            self._end()

    def _start(self, lock: int) -> None:
        try:
            seeded = Seeded.parse(self.options.faults)
            self._listen()
        except (OSError, ValueError) as error:
            raise Failed(str(error)) from None
        self._certificates()
        self._lifeline = os.pipe()
        write_json(self.state / "options.json", self.options.as_dict())
        # The hosts are forked while this process has no threads.
        for name, (http, tls) in self._host_listeners.items():
            self._fork(name, http, tls)
        for provider in DIRECTORIES:
            self._spawn(provider, lock)
        self._serve(seeded)
        self._await_acme()
        self._await_hosts()
        write_json(endpoints_path(self.state), self._endpoints())

    def _listen(self) -> None:
        options, known = self.options, read_json(self.state / "ports.json", {})
        self._listeners: dict[str, socket.socket] = {}
        for index, name in enumerate(SERVICES):
            fixed = options.port_base + index
            self._listeners[name] = (
                ports.listen(ports.LOOPBACK, fixed) if options.port_base else ports.preferred(known.get(name, 0))
            )
        self._dns = ports.datagram_pair(options.port_base + len(SERVICES) if options.port_base else known.get("dns", 0))
        self._ports = {name: ports.port_of(listener) for name, listener in self._listeners.items()}
        self._ports["dns"] = ports.port_of(self._dns[1])
        addresses = list(options.hosts.values())
        self._http01_port, http = ports.shared(addresses, options.http01_port or known.get("http01", 0))
        self._tls_port, tls = ports.shared(addresses, options.tls_port or known.get("tls", 0))
        if not self._http01_port:
            # There are no hosts. Something else may serve http-01, and needs to know where.
            with ports.listen(ports.LOOPBACK, 0) as free:
                self._http01_port = ports.port_of(free)
        self._ports.update(http01=self._http01_port, tls=self._tls_port)
        self._host_listeners = dict(zip(options.hosts, zip(http, tls)))
        write_json(self.state / "ports.json", self._ports)

    def _certificates(self) -> None:
        self._pki = self.state / "pki"
        self._pki.mkdir(exist_ok=True)
        root = pki.root(self._pki)
        for provider in DIRECTORIES:
            pki.issuing(self._pki, provider, root)
        pointers = revocation.pointers(*self._pointers("sslmarket"))
        self._authority = Authority(root, pki.issuing(self._pki, "sslmarket", root), pointers)
        server = pki.server(["localhost", ports.LOOPBACK], root)
        server.write(self._pki / "server")
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(self._pki / "server.pem", self._pki / "server.key")
        if self.options.hosts:
            pki.server(["placeholder.invalid"]).write(self._pki / "placeholder")

    def _place(self, name: str) -> host.Place:
        return host.Place(self.state / "hosts" / name)

    def _fork(self, name: str, http: socket.socket, tls: socket.socket) -> None:
        place = self._place(name)
        place.prepare()
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child:
            self._hosts[child] = name
            return
        # The child. It ends here whatever happens, so that it never runs what is the supervisor's.
        try:
            os.close(self._lifeline[1])
            for other in [
                *self._listeners.values(),
                *self._dns,
                *(one for pair in self._host_listeners.values() for one in pair),
            ]:
                if other not in (http, tls):
                    other.close()
            host.run(name, place, http, tls, self._pki / "placeholder", self._ledger.path, self._lifeline[0])
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def _spawn(self, provider: str, lock: int) -> None:
        name = f"acme-{provider}"
        directory = self._acme(provider)
        listener = self._listeners[name]
        settings = Settings(
            name=name,
            directory=str(directory),
            base_url=self._url(name),
            directories=list(DIRECTORIES[provider].values()),
            listener=listener.fileno(),
            lifeline=self._lifeline[0],
            ca_key=str(self._pki / f"{provider}.key"),
            ca_certificate=str(self._pki / f"{provider}.pem"),
            tls_certificate=str(self._pki / "server.pem"),
            tls_key=str(self._pki / "server.key"),
            days=self.options.days,
            dns_address=ports.LOOPBACK,
            dns_port=self._ports["dns"],
            http01_port=self._http01_port,
            control_url=self._url("control"),
            ledger=str(self._ledger.path),
            pointers=self._pointers(provider),
            asks_reseller=provider == "sslcom",
        )
        write_json(directory / "settings.json", settings.as_dict())
        library = str(Path(__file__).resolve().parents[1])
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", "certfleet_sandbox.acme_server", str(directory / "settings.json")],
            stdin=subprocess.DEVNULL,
            cwd=directory,
            env={**os.environ, "PYTHONPATH": library},
            # With the lock's descriptor the pid file stays locked until the last process has gone.
            pass_fds=(listener.fileno(), self._lifeline[0], lock),
        )
        # Nobody but the ACME server may accept connections here.
        listener.close()

    def _pointers(self, ca: str) -> list[str]:
        return [self.options.revocation_urls, self._url("revocation"), ca]

    def _acme(self, provider: str) -> Path:
        directory = self.state / "acme" / provider
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _serve(self, seeded: Seeded | None) -> None:
        self._secrets = endpoints.secrets_of(self.state)
        providers = self.state / "providers"
        providers.mkdir(exist_ok=True)
        names = Names(self.options.resolve, self.options.default_address)
        faults = FaultPlan(seeded)
        sslcom = SslCom(providers / "sslcom.json", self._acme("sslcom") / "eab.json", **self._secrets["sslcom"])
        identrust = IdenTrust(
            providers / "identrust.json",
            self._acme("identrust") / "eab.json",
            Access(**self._secrets["identrust"]),
            self.options.duplicate_account,
        )
        turned = knobs.parse(self.options.sslmarket_knobs)
        market = Market(providers / "sslmarket", self._authority, Dcv(names, self._http01_port), turned)
        market.start()
        authorities = revocation.authorities(self._pki, {name: self._acme(name) for name in DIRECTORIES}, market)
        revocations = revocation.Revocations(providers / "revocation.json", authorities)
        sslmarket = SslMarket(market, **self._secrets["sslmarket"], revoked=revocations.in_market)
        responder = RevocationServer(revocations, self._url("revocation"))
        parts = (MarketControl(market), revocations, HookControl(providers / "sslcom-hook.json"))
        control = Control(names, faults, self._ledger, sslcom, identrust, *parts)
        services: list[Service] = [sslcom, identrust, sslmarket, responder, control]
        for service in services:
            public = service is not control
            server = Server(
                self._listeners[service.name],
                service,
                self._ledger if public else None,
                faults if public else None,
                None if service.name in PLAIN else self._tls,
            )
            threading.Thread(target=server.serve, daemon=True).start()
        DnsServer(*self._dns, names).start()

    def _url(self, name: str) -> str:
        return f"{'http' if name in PLAIN else 'https'}://{ports.LOOPBACK}:{self._ports[name]}"

    def _await_acme(self) -> None:
        """The ACME servers are the last to be ready. Whether they are is seen on their sockets: an answer over TLS."""
        tls = ssl.create_default_context(cafile=str(self._pki / "root.pem"))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
        end = time.monotonic() + READY_SECONDS
        for provider, directories in DIRECTORIES.items():
            url = self._url(f"acme-{provider}") + next(iter(directories.values()))
            while True:
                with contextlib.suppress(OSError, ValueError), opener.open(url, timeout=2) as answer:
                    json.load(answer)
                    break
                self._check_children()
                if time.monotonic() > end:
                    raise Failed(f"{url} does not answer")
                time.sleep(0.02)

    def _await_hosts(self) -> None:
        """A host holds its pid file once it listens to signals."""
        end = time.monotonic() + READY_SECONDS
        for name in self.options.hosts:
            while not self._place(name).pid_file.held():
                self._check_children()
                if time.monotonic() > end:
                    raise Failed(f"host {name} does not come up")
                time.sleep(0.02)

    def _endpoints(self) -> dict[str, Any]:
        roots = {name: self._place(name).root for name in self.options.hosts}
        return {
            "version": 1,
            "pid": os.getpid(),
            "command": [sys.executable, str(Path(__file__).resolve().parent)],
            "ca_path": str(self._pki / "root.pem"),
            "control_url": self._url("control"),
            "dns": f"{ports.LOOPBACK}:{self._ports['dns']}",
            "http01_port": self._http01_port,
            **endpoints.providers(self._url, self._secrets, DIRECTORIES),
            "revocation": endpoints.revocation(self._url("revocation"), self._pki, [*DIRECTORIES, "sslmarket"]),
            "hosts": endpoints.hosts(self.options.hosts, roots, self._http01_port, self._tls_port),
        }

    def _check_children(self) -> None:
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise Failed(f"{name} ended with {process.returncode}")
        for pid, name in list(self._hosts.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                del self._hosts[pid]
                raise Failed(f"host {name} ended with {os.waitstatus_to_exitcode(status)}")

    def _wait(self) -> None:
        while signal.sigwait({*_ENDINGS, signal.SIGCHLD}) not in _ENDINGS:
            # A child that ends is a sandbox that is not what endpoints.json says.
            self._check_children()

    def _end(self) -> None:
        if self._lifeline[1] != -1:
            os.close(self._lifeline[1])
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()
        for pid in self._hosts:
            end = time.monotonic() + 5
            while not os.waitpid(pid, os.WNOHANG)[0]:
                if time.monotonic() > end:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.005)
