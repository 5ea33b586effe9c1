"""troubleshooting.py [--check]: write the guide docs/docsite/rst/troubleshooting.rst from docs/docsite/troubleshooting.yml.

Tests provoke each situation of that table and compare its message, so the guide says what users see. With --check nothing
is written; the exit code is 1 where the guide in the tree is not the one that the table makes.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "docsite" / "troubleshooting.yml"
GUIDE = ROOT / "docs" / "docsite" / "rst" / "troubleshooting.rst"

HEAD = """\
.. This page is written by tools/troubleshooting.py from docs/docsite/troubleshooting.yml: change that, and run `make troubleshooting`.

.. _ansible_collections.certfleet.reseller.docsite.troubleshooting:

Troubleshooting
===============

Every message says in a sentence what is wrong, and in a second one what to do. This page has those that a first run meets, by their kind,
with a little more of both. What is in ``<angle brackets>`` differs from case to case. Tests provoke each of them, so the words are those that
you see.

Where to look
-------------

* The message is in ``msg`` of the task that failed. Ansible may put words of its own around it, such as
  ``Task failed: The filter plugin '...' failed:`` for an inventory that cannot be meant.
* ``error`` of the result has the parts for machines: ``kind``, ``status``, ``code``, ``detail`` and ``hint``; ``done`` and ``open`` have the steps
  that were done and those that were not. ``-v`` shows them.
* Roles go on with what is not concerned, and name what failed at their end: look at the last task of the run first.
* ``-vvv`` shows, among other things, why a deployment did not take its short way. Secrets are never shown; tasks that handle them hide their
  results, and the role's report at the end has their messages all the same.
* ``--check --diff`` shows what a run would do, and finds most mistakes without doing anything.
* The state directory on the controller (``~/.certfleet``) has what is known: credential records, accounts, sets, and the journal of paid orders.
  :ref:`What lies where <ansible_collections.certfleet.reseller.docsite.data_model>` explains its files.
* Run again when the cause is mended. Nothing has to be cleaned up before:
  :ref:`Renewal and recovery <ansible_collections.certfleet.reseller.docsite.operation>` says what the next run does with what an earlier one left.
* A reseller's hook that SSL.com never asks logs nothing. ``/healthz`` on its host says whether it is up; the URL that is registered at SSL.com has to have
  the secret prefix, and nginx and the firewall have to let SSL.com in:
  :ref:`the guide <ansible_collections.certfleet.reseller.docsite.reseller_hook>` has the whole set-up.
* ``Internal error`` is a defect of the collection. Its message has places in the code and no data, so it can be reported as it is.

Kinds of errors
---------------

"""


def guide(table: dict[str, Any]) -> str:
    """The whole page."""
    kinds: list[dict[str, str]] = table["kinds"]
    rows = [(f"``{kind['kind']}``", kind["meaning"]) for kind in kinds]
    parts = [HEAD, _list_table(("Kind", "Meaning"), rows, (20, 80))]
    for kind in kinds:
        found = [each for each in table["situations"] if each["kind"] == kind["kind"]]
        if not found:
            continue
        title = f"Kind ``{kind['kind']}``"
        cells = [(f"``{each['told']}``", each["did"], each["do"]) for each in found]
        parts.append(f"\n{title}\n{'-' * len(title)}\n\n{kind['meaning']}\n\n")
        parts.append(_list_table(("Message", "What happened", "What to do"), cells, (40, 22, 38)))
    return "".join(parts)


def _list_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], widths: tuple[int, ...]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}", ""]
    for row in (head, *rows):
        lines += [f"   {'*' if number == 0 else ' '} - {cell}" for number, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    text = guide(yaml.safe_load(TABLE.read_text(encoding="utf-8")))
    if not arguments:
        GUIDE.write_text(text, encoding="utf-8")
    elif not GUIDE.exists() or GUIDE.read_text(encoding="utf-8") != text:
        print(f"{GUIDE.relative_to(ROOT)} is out of date: run `make troubleshooting`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
