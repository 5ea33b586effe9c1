# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the service and of the desk: ``certfleet-hook COMMAND``; it works on the service's own database."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from certfleet_hook import __version__, clock, policy, settings, tables
from certfleet_hook.backup import BackupError, backup
from certfleet_hook.desk import Desk, shown
from certfleet_hook.policy import Policy
from certfleet_hook.verify import MOST_TOLD, verify
from certfleet_hook.writer import reason

CONFIG = "/etc/certfleet-hook/settings.json"
DAY = 86_400_000


class CommandError(Exception):
    """What went wrong, for whoever typed the command."""


def main(arguments: list[str] | None = None) -> int:
    parsed = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = parsed.command
    try:
        code = command(parsed)
        sys.stdout.flush()  # so that a reader who has gone shows here
        return code
    except (CommandError, settings.SettingsError, policy.PolicyError, tables.SchemaError, BackupError) as error:
        problem = str(error)
    except SQLAlchemyError as error:
        problem = f"the database: {reason(error)}"
    except BrokenPipeError:
        # whoever read has had enough; what is still buffered must not fail at the exit (Python's documentation of SIGPIPE)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        problem = f"{error.filename or 'a file'}: {error.strerror}"
    print(problem, file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="certfleet-hook", description="SSL.com's reseller endpoints, and their desk.")
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument(
        "--config", default=os.environ.get("CERTFLEET_HOOK_CONFIG", CONFIG), help="settings (default: %(default)s)"
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(command=function)
        return found

    def listing(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        found = command(name, function, text)
        found.add_argument("--customer", default="", help="of this customer alone")
        found.add_argument("--limit", type=int, default=50, help="the newest ones (default: %(default)s)")
        found.add_argument("--json", action="store_true", help="one JSON object per line")
        return found

    command("serve", _serve, "Run the service in the foreground.")
    configured = command("check-config", _check_config, "Check the settings and the secrets they point to.")
    configured.add_argument(
        "--settings-only", action="store_true", help="leave out what needs the rights of the service"
    )
    checked = command("check-policy", _check_policy, "Check a policy; exit code 1 and every fault when it is wrong.")
    checked.add_argument("file", type=Path)
    for name, function, text in (
        ("customers", _customers, "The customers of the policy."),
        ("balances", _balances, "What each customer was granted, has paid in, used, reserved, and has left."),
        ("decisions", _decisions, "Lines of the decision log, the newest first."),
        ("reservations", _reservations, "What was authorized, and what became of it."),
        ("certificates", _certificates, "The certificates that were received."),
    ):
        listing(name, function, text)
    chain = command("chain", _chain, "The full chain of a received certificate, PEM.")
    chain.add_argument("fingerprint", help="SHA-256, as the list of certificates shows it")
    top_up = command("top-up", _top_up, "Add to a customer's account; the same reference is booked once.")
    top_up.add_argument("customer")
    top_up.add_argument("amount", help='such as "12.50", or a number of certificates; less than nothing takes away')
    top_up.add_argument("--reference", required=True, help="number of the payment, or of what else is the reason")
    checking = command(
        "verify-log", _verify, "Check the decision log and the tables against it; exit code 1 for any fault."
    )
    checking.add_argument(
        "--head", metavar="SEQUENCE:DIGEST", help="a head that was noted before; the log must still contain it"
    )
    command("log-head", _head, "The number and the digest of the log's last line, to be noted elsewhere.")
    command("export", _export, "Everything but the queue, as JSON lines.")
    saving = command("backup", _backup, "Copy the database while it is in use.")
    saving.add_argument("directory", type=Path)
    saving.add_argument("--keep", type=int, default=14, help="how many copies stay (default: %(default)s)")
    reading = command("events-read", _events_read, "Events after a consumer's cursor, as JSON lines.")
    reading.add_argument("--consumer", required=True)
    reading.add_argument("--limit", type=int, default=100)
    done = command("events-acknowledge", _events_acknowledge, "Move a consumer's cursor to an event.")
    done.add_argument("--consumer", required=True)
    done.add_argument("id", type=int)
    pruning = command("events-prune", _events_prune, "Remove old events that all consumers have acknowledged.")
    pruning.add_argument("--days", type=int, default=30, help="that are older (default: %(default)s)")
    return top


# --- what the commands share ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(parsed: argparse.Namespace) -> Iterator[Engine]:
    wanted = settings.load(parsed.config)
    try:
        engine = tables.connect(wanted.database_url)
    except ValueError as error:
        raise CommandError(str(error)) from None
    try:
        tables.prepare(engine)
        yield engine
    finally:
        engine.dispose()


def the_policy(parsed: argparse.Namespace) -> Policy:
    return policy.load(Path(settings.load(parsed.config).policy_path).read_bytes())


def show(parsed: argparse.Namespace, lines: Iterable[dict[str, Any]]) -> int:
    """A table as wide as its content, or JSON lines."""
    found = list(lines)
    if parsed.json:
        print_lines(found)
        return 0
    titles = list(dict.fromkeys(key for line in found for key in line))
    table = [titles, *([_cell(line.get(title, "")) for title in titles] for line in found)]
    widths = [max(len(row[number]) for row in table) for number in range(len(titles))]
    for row in table if found else []:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return 0


def print_lines(lines: Iterable[dict[str, Any]]) -> None:
    for line in lines:
        print(json.dumps(line, sort_keys=True))


def _cell(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    # what was sent must not steer the terminal
    return "".join(each if each.isprintable() else "?" for each in text)


# --- the commands ---------------------------------------------------------------------------------------------------------


def _serve(parsed: argparse.Namespace) -> int:
    from certfleet_hook.server import serve  # the other commands need no web server

    serve(parsed.config)
    return 0


def _check_config(parsed: argparse.Namespace) -> int:
    wanted = settings.load(parsed.config)
    if not parsed.settings_only:
        settings.secret(wanted.prefix_path)
    for path in (wanted.events_token_path, wanted.metrics_token_path):
        if path and not parsed.settings_only:
            settings.secret(path)
    try:
        tables.connect(wanted.database_url).dispose()
    except ValueError as error:
        raise CommandError(str(error)) from None
    return 0


def _check_policy(parsed: argparse.Namespace) -> int:
    try:
        found = policy.load(parsed.file.read_bytes())
    except policy.PolicyError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1
    print(
        f"{len(found.customers)} customers, {len(found.by_kid)} credentials, {len(found.trusted)} pinned certificates"
    )
    if not found.trusted:
        print(f"warning: {policy.UNPINNED}", file=sys.stderr)
    return 0


def _customers(parsed: argparse.Namespace) -> int:
    lines = [
        {
            "customer": each.id,
            "name": each.name,
            "enabled": each.enabled,
            "kids": sorted(each.kids),
            "products": [f"{name}={shown(price, each.unit)}" for name, price in sorted(each.prices.items())],
            "longest_days": each.longest_days,
            "names": list(each.names),
            "rate": f"{each.rate.count}/{each.rate.seconds}s",
        }
        for each in the_policy(parsed).customers.values()
        if parsed.customer in ("", each.id)
    ]
    return show(parsed, lines[: parsed.limit])


def _balances(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        lines = [
            line for line in Desk(engine).balances(the_policy(parsed)) if parsed.customer in ("", line["customer"])
        ]
    for line in lines:
        del line["available_units"]
    return show(parsed, lines[: parsed.limit])


def _decisions(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        return show(parsed, Desk(engine).decisions(parsed.customer, parsed.limit))


def _reservations(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        return show(parsed, Desk(engine).rows(tables.reservations, parsed.customer, parsed.limit))


def _certificates(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        return show(parsed, Desk(engine).rows(tables.certificates, parsed.customer, parsed.limit))


def _chain(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        found = Desk(engine).chain(parsed.fingerprint.lower().replace(":", ""))
    if found is None:
        raise CommandError("there is no certificate with this fingerprint")
    print(found, end="")
    return 0


def _top_up(parsed: argparse.Namespace) -> int:
    customer = the_policy(parsed).customers.get(parsed.customer)
    if customer is None:
        raise CommandError(f"the policy has no customer {parsed.customer}")
    sign, text = (-1, parsed.amount[1:]) if parsed.amount.startswith("-") else (1, parsed.amount)
    try:
        units = sign * policy.amount(text, 0 if customer.unit == policy.QUOTA else policy.DECIMALS)
    except ValueError:
        raise CommandError("the amount must be a number such as 12.50, or of certificates for a quota") from None
    if not policy.TEXT.fullmatch(parsed.reference) or not 0 < abs(units) <= policy.LARGEST:
        raise CommandError("the reference must be one line, and the amount not zero")
    with opened(parsed) as engine:
        if not Desk(engine).top_up(customer.id, customer.unit, units, parsed.reference):
            raise CommandError(f"the reference {parsed.reference} is booked already")
    return 0


def _verify(parsed: argparse.Namespace) -> int:
    sequence, digest = None, None
    if parsed.head:
        number, _colon, digest = parsed.head.partition(":")
        if not number.isdecimal():
            raise CommandError("a head is SEQUENCE:DIGEST, as log-head prints it")
        sequence = int(number)
    with opened(parsed) as engine:
        audit = verify(engine, sequence, digest)
    for problem in audit.problems[:MOST_TOLD]:
        print(problem, file=sys.stderr)
    print(f"{audit.sequence} lines, {len(audit.problems)} problems, head {audit.sequence}:{audit.digest}")
    return 1 if audit.problems else 0


def _head(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        print(Desk(engine).head())
    return 0


def _export(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        print_lines({"table": table, **row} for table, row in Desk(engine).everything())
    return 0


def _backup(parsed: argparse.Namespace) -> int:
    print(backup(settings.load(parsed.config).database_url, parsed.directory, parsed.keep, clock.now()))
    return 0


def _events_read(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        print_lines(Desk(engine).read(_consumer(parsed), parsed.limit)[1])
    return 0


def _events_acknowledge(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        try:
            print(Desk(engine).acknowledge(_consumer(parsed), parsed.id))
        except ValueError as error:
            raise CommandError(str(error)) from None
    return 0


def _events_prune(parsed: argparse.Namespace) -> int:
    with opened(parsed) as engine:
        print(Desk(engine).prune(clock.now() - parsed.days * DAY))
    return 0


def _consumer(parsed: argparse.Namespace) -> str:
    try:
        return Desk.consumer(parsed.consumer)
    except ValueError as error:
        raise CommandError(str(error)) from None
