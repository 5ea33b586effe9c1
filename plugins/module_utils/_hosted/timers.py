# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a host looks after a certificate: at an offset that host and name decide, the same for ever (pure).

A digest spreads a fleet evenly over the interval. Chance would move a host with each run of the playbook, and systemd's own
`FixedRandomDelay` is missing from many that are in use.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from typing import Sequence

_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_UNIT = "certfleet-renew"
_HOUR = 3600

_SERVICE = """\
[Unit]
Description=Renew and deploy the certificate %%i
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
UMask=0077
TimeoutStartSec=%d
ExecStart=%s run --patient %%i
"""
# cron gives programs /usr/bin and /bin alone; what is downloaded is in /usr/local/bin.
_CRON = """\
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
%s root %s run --patient %s > /dev/null
"""
_TIMER = """\
[Unit]
Description=When the certificate %s is looked after

[Timer]
OnCalendar=%s
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


def service_name() -> str:
    return _UNIT + "@.service"


def timer_name(file_name: str) -> str:
    return "%s@%s.timer" % (_UNIT, file_name)


def cron_name(file_name: str) -> str:
    """run-parts and cron skip files that have a dot in their names."""
    return "%s-%s" % (_UNIT, re.sub(r"[^a-z0-9-]", "_", file_name)) + "-" + _digest(file_name)[:8]


def offset(interval: str, host: str, name: str) -> int:
    """Seconds from the beginning of the interval."""
    return int(_digest("%s|%s" % (host, name))[:12], 16) % seconds(interval)


def seconds(interval: str) -> int:
    return int(interval[:-1]) * _SECONDS[interval[-1]]


def calendar(interval: str, host: str, name: str) -> str:
    """For ``OnCalendar`` of systemd.time(7), in UTC: no hour of it is skipped, and none comes twice."""
    length, start = seconds(interval), offset(interval, host, name)
    hour, minute, second = start // _HOUR, start // 60 % 60, start % 60
    if length < _HOUR:
        return "*-*-* *:%02d/%d:%02d UTC" % (minute, length // 60, second)
    if length == _HOUR:
        return "*-*-* *:%02d:%02d UTC" % (minute, second)
    if length == 24 * _HOUR:
        return "*-*-* %02d:%02d:%02d UTC" % (hour, minute, second)
    return "*-*-* %02d/%d:%02d:%02d UTC" % (hour, length // _HOUR, minute, second)


def service(command: Sequence[str], longest: int = 0) -> str:
    """The unit file of what all timers start; ``command`` is the program. Words are quoted as systemd.service(5) has it.

    ``longest``: seconds that a client may take. Other certificates may be waited for, and services told, in two hours more.
    """
    return _SERVICE % (2 * _HOUR + longest, " ".join(map(_systemd_word, command)))


def _systemd_word(word: str) -> str:
    plain = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[A-Za-z0-9_@%$+=:,./-]+", plain):
        return plain
    return '"%s"' % plain.replace("\\", "\\\\").replace('"', '\\"')


def timer(file_name: str, interval: str, host: str, name: str) -> str:
    """The unit file."""
    return _TIMER % (file_name, calendar(interval, host, name))


def crontab(file_name: str, interval: str, host: str, name: str, command: Sequence[str]) -> str:
    """The same for cron, to the minute. Its output is mailed by cron when there is any, so it speaks of failures alone."""
    length, start = seconds(interval), offset(interval, host, name)
    hour, minute = start // _HOUR, start // 60 % 60
    minutes = range(minute, 60, length // 60) if length < _HOUR else [minute]
    hours = range(hour, 24, length // _HOUR) if length > _HOUR else ()
    when = "%s %s * * *" % (",".join(map(str, minutes)), ",".join(map(str, hours)) or "*")
    # a percent sign ends a command of cron's, quoted or not (crontab(5))
    words = " ".join(map(shlex.quote, command)).replace("%", "\\%")
    return _CRON % (when, words, file_name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
