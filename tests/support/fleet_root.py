# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fleet_root.py: make the root file system that all hosts of the test fleet start from, or do nothing when it is there.

Debian 12 with systemd, sshd, the servers, and Debian's own Python without a single library. A tar file in .work: setuid
programs have no business in a checkout. In it are the packages of ACME clients, for tests to install without a network: certbot
brings libraries that no other host shall have. And the packages of the reseller hook, from PyPI. Needs root, mmdebstrap and a
Debian mirror; nothing else of the fleet needs the network.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".work" / "fleet"
REQUIREMENTS = ROOT / "roles" / "sslcom_reseller_hook" / "files" / "requirements.txt"
MIRROR = "http://deb.debian.org/debian"
RELEASE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "iproute2", "procps", "busybox"),
    *("openssh-server", "sudo", "python3", "openssl"),
    *("nginx-light", "apache2", "haproxy", "postfix"),
)
# not installed: a folder for each, with what it depends on
CLIENTS = "/opt/clients"
# what nobody reads here; a third of the time goes into writing files
LEFT_OUT = ("doc", "man", "info", "locale", "lintian")

# An ordinary user who may become root, a host key that is known beforehand, and nothing at boot that no test needs.
SETTINGS = r"""#!/bin/sh
set -eu
cd "$1"
mkdir -p opt/clients/lego/partial opt/clients/certbot/partial
for each in lego certbot; do
    APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq -y --download-only -o "Dir::Cache::Archives=$1/opt/clients/$each" install $each
done
chroot . useradd --create-home --shell /bin/sh deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' > etc/sudoers.d/deploy
chmod 440 etc/sudoers.d/deploy
chroot . a2enmod -q ssl > /dev/null
chroot . systemctl mask -q systemd-logind console-getty getty@tty1 systemd-networkd systemd-timesyncd e2scrub_reap
chroot . systemctl disable -q nginx apache2 haproxy postfix e2scrub_all.timer fstrim.timer dpkg-db-backup.timer \
    2> /dev/null
rm -f etc/ssh/ssh_host_rsa_key* etc/ssh/ssh_host_ecdsa_key* etc/machine-id var/lib/dbus/machine-id
printf '%s\n' 'HostKey /etc/ssh/ssh_host_ed25519_key' 'UseDNS no' 'PasswordAuthentication no' 'MaxStartups 200' \
    > etc/ssh/sshd_config.d/fleet.conf
chroot . python3 -m compileall -q /usr/lib/python3.11 > /dev/null
"""


def mirror() -> str:
    """CERTFLEET_MIRROR, or where this machine gets the same release from, or Debian's own address."""
    given = ("Created-By: Packages", "Origin: Debian", f"Codename: {RELEASE}", "Component: main")
    known = subprocess.run(
        ["apt-get", "indextargets", "--format=$(REPO_URI)", *given], capture_output=True, text=True, check=False
    )
    found = [line for line in known.stdout.split() if line.startswith(("http:", "https:"))]
    return os.environ.get("CERTFLEET_MIRROR") or next(iter(found), MIRROR)


def path() -> pathlib.Path:
    """Where it is, or will be; another recipe makes another file."""
    return FOLDER / f"root-{hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:12]}.tar"


def build() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = path().with_suffix(".new")
    command = [
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=essential", "--format=tar"),
        *("--aptopt=Acquire::Retries 3", '--aptopt=APT::Install-Recommends "false"', "--dpkgopt=force-unsafe-io"),
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT),
        f"--include={','.join(PACKAGES)}",
    ]
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        settings, space = pathlib.Path(folder, "settings"), pathlib.Path(folder, "space")
        settings.write_text(SETTINGS, encoding="utf-8")
        settings.chmod(0o755)
        space.mkdir()
        command += [f"--customize-hook={settings}", RELEASE, str(made), mirror()]
        # In memory, and in a mount namespace of its own: fast, and nothing stays mounted whatever happens.
        script = 'mount -t tmpfs -o mode=755 tmpfs "$TMPDIR" && exec "$@"'
        done = subprocess.run(
            ["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh", *command],
            env={**os.environ, "TMPDIR": str(space), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if done.returncode:
        made.unlink(missing_ok=True)
        sys.exit("The root file system of the fleet could not be made.")
    made.rename(path())
    for other in FOLDER.glob("root-*"):
        if other != path():
            other.unlink()


def wheels() -> pathlib.Path:
    """Where the packages of the reseller hook are, or will be, for hosts that have no network."""
    return FOLDER / f"wheels-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"


def download() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=FOLDER) as folder:
        new = pathlib.Path(folder, "new")
        command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "-d", str(new)]
        subprocess.run([*command, "-r", str(REQUIREMENTS), "pip"], stdin=subprocess.DEVNULL, check=True)
        new.rename(wheels())


def main() -> None:
    if not wheels().exists():
        download()
    if path().exists():
        return
    start = time.monotonic()
    print("Making the root file system of the test fleet; it stays in .work", flush=True)
    build()
    print(f"Made {path().name}, {path().stat().st_size >> 20} MiB, in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
