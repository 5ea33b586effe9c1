# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One shell command that tells all that a plan looks at. No Python starts on the host for it; ``answer`` reads what it says.

It is for any POSIX shell, with ``stat -c`` and ``sha256sum`` as GNU and busybox have them; another ``stat`` says nothing, and that is
noticed. Names come from an inventory: what the command splits into words has nothing but letters, digits, dots and hyphens in
it, the rest is quoted, and what is stranger than that is not asked at all. Nothing waits for ever: only plain files are read,
under a limit of processor time, and handshakes end with ``timeout``.
"""

from __future__ import annotations

import re
import shlex
from typing import Iterable, Sequence

from .._tls.peer import CIPHERS
from .model import FILES, LINK, Endpoint, SetWant, Want
from .service import PROBE_TIMEOUT

START, END = "certfleet 1", "certfleet end"

# Linux takes 128 KiB for one argument. Each shell and each way to become another user quotes the command once more.
_LONGEST = 100 * 1000
_QUOTED = 3

_WORD = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
_ADDRESS = re.compile(r"\A[A-Za-z0-9_:][A-Za-z0-9._:%-]*\Z")
_USER = re.compile(r"\A[A-Za-z_][A-Za-z0-9._@-]*\Z")

_BEGIN = """\
LC_ALL=C
export LC_ALL
unset QUOTING_STYLE
exec </dev/null 2>/dev/null
ulimit -t 3
echo {start}
for t in {tools}; do command -v $t >/dev/null || echo no $t; done
"""

_USERS = """\
for n in {users}; do echo "u $n $(id -u $n)"; done
for n in {groups}; do echo "g $n $(getent group $n)"; done
"""

# The link before the other entries: a mark that another run sets before it switches is seen by who saw the switch.
_LOOK = """\
r={root}
d="{directories}"
v="{versions}"
if cd "$r"; then
  s=. h=
  for i in $d; do s="$s $i $i/{link}"; done
  for i in $v; do
    s="$s $i"
    for f in {files}; do
      s="$s $i/$f"
      [ -f $i/$f ] && [ ! -L $i/$f ] && h="$h $i/$f"
    done
  done
  stat -c "s %f %u %g %N" $s
  for i in $d; do
    [ -L $i ] || for p in $i/* $i/.*; do
      case ${{p##*/}} in
        {link} | . | .. | *[!0-9a-z.-]*) continue ;;
      esac
      if [ -L $p ]; then echo e l $p
      elif [ -d $p ]; then echo e d $p
      elif [ -f $p ] && [ -r $p ]; then echo e f $p
      elif [ -e $p ]; then echo e o $p
      fi
    done
  done
  [ -z "$h" ] || sha256sum $h
elif [ -e "$r" ] || [ -L "$r" ]; then echo closed
else echo none
fi
"""

# No trust store: whatever is served is compared with what the controller has verified. The hosts' Python takes TLS 1.2 and newer. A
# certificate is shown before the handshake has come to its end, so the status counts.
_SERVED = """\
t() {{
  set -f
  echo t $1 $(
    {{
      timeout {timeout} openssl s_client -CApath / -no_tls1 -no_tls1_1 -connect $2 -servername $3 $4
      echo status $?
    }} | sed -n -e "/^-----BEGIN CERTIFICATE/,/^-----END CERTIFICATE/p" -e "/^status /p"
  )
}}
{calls}
wait
"""


class Unfit(Exception):
    """It cannot be asked, or its answer is not one, and why: the module has to look."""


def ask(want: Want) -> str:
    """The command for sets that shall be there."""
    served, versions = endpoints(want), [version(wanted) for wanted in want.sets]
    return _fit(
        _BEGIN.format(start=START, tools="stat sha256sum timeout openssl sed" if served else "stat sha256sum")
        + _users(want.sets)
        + _look(want.root, [wanted.directory for wanted in want.sets], versions, files(want))
        + (_served(served, want.proof_timeout) if served else "")
    )


def ask_for_directories(root: str, directories: Sequence[str]) -> str:
    """The command for sets that shall not be there."""
    return _fit(_BEGIN.format(start=START, tools="stat") + _look(root, directories, (), FILES))


def version(wanted: SetWant) -> str:
    """The directory of the wanted version below the root."""
    return "%s/%s" % (wanted.directory, wanted.serial)


def files(want: Want) -> tuple[str, ...]:
    """The names of the files that any of the sets has. What a set does not have is asked for, and not looked at."""
    return tuple(dict.fromkeys(name for wanted in want.sets for name, _digest in wanted.digests))


def paths(directories: Sequence[str], versions: Sequence[str], files: Sequence[str]) -> set[str]:
    """What is asked for, below the root."""
    found = {".", *directories, *versions, *("%s/%s" % (directory, LINK) for directory in directories)}
    return found | {"%s/%s" % (each, file) for each in versions for file in files}


def endpoints(want: Want) -> list[Endpoint]:
    """The endpoints by their numbers in the command."""
    return [endpoint for wanted in want.sets for endpoint in wanted.endpoints]


def named(text: str | None) -> bool:
    """Whether an owner or a group is given by a name, which the host has to look up."""
    return text is not None and not (text.isascii() and text.isdigit())


def _fit(script: str) -> str:
    script += "echo %s" % END
    quoted = script
    for _layer in range(_QUOTED):
        quoted = shlex.quote(quoted)
    if len(quoted.encode("utf-8")) > _LONGEST:
        raise Unfit("there are too many sets for one command")
    return script


def _users(sets: Iterable[SetWant]) -> str:
    owners = dict.fromkeys(str(each.owner) for each in sets if named(each.owner))
    groups = dict.fromkeys(str(each.group) for each in sets if named(each.group))
    for name in (*owners, *groups):
        if not _USER.match(name):
            raise Unfit("the name of a user or group is unusual")
    return _USERS.format(users=" ".join(owners), groups=" ".join(groups)) if owners or groups else ""


def _look(root: str, directories: Sequence[str], versions: Sequence[str], files: Sequence[str]) -> str:
    if not root.isprintable() or not all(_WORD.match(directory) for directory in directories):
        raise Unfit("the name of a directory is unusual")
    return _LOOK.format(
        root=shlex.quote(root),
        directories=" ".join(directories),
        versions=" ".join(versions),
        link=LINK,
        files=" ".join(files),
    )


def _served(endpoints: Sequence[Endpoint], proof_timeout: float) -> str:
    calls = []
    for number, endpoint in enumerate(endpoints):
        host = "[%s]" % endpoint.address if ":" in endpoint.address else endpoint.address
        if not _ADDRESS.match(endpoint.address) or not _WORD.match(endpoint.server_name):
            raise Unfit("the address of an endpoint is unusual")
        place = shlex.quote("%s:%d" % (host, endpoint.port))
        calls.append("t %d %s %s '%s' &" % (number, place, endpoint.server_name, _flags(endpoint)))
    return _SERVED.format(timeout=max(1, int(min(PROBE_TIMEOUT, proof_timeout))), calls="\n".join(calls))


def _flags(endpoint: Endpoint) -> str:
    """As the module asks. An openssl that does not know them fails, and the module looks."""
    found = []
    if endpoint.starttls:
        found += ["-starttls", endpoint.starttls]
    if endpoint.starttls == "xmpp":
        found += ["-xmpphost", endpoint.server_name]
    if endpoint.key_type:
        found += ["-no_tls1_3", "-cipher", CIPHERS[endpoint.key_type]]
    return " ".join(found)
