# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of the fleet serve, and with what: Debian's servers, set up as an administrator would.

A template's ``{cert}`` and ``{key}`` are files of a set. Tests that want a service to refuse a set put others there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

SHOP, WILDCARD, MAIL = "shop.test", "*.shop.test", "mail.test"
DOMAINS = {SHOP: ("shop.test", "www.shop.test"), WILDCARD: ("*.shop.test",), MAIL: ("mail.test",)}
ROOT = "/etc/certfleet"
LIVE = {
    SHOP: f"{ROOT}/shop.test/current",
    WILDCARD: f"{ROOT}/_wildcard.shop.test/current",
    MAIL: f"{ROOT}/mail.test/current",
}
HAPROXY_RELOAD = "/usr/local/sbin/haproxy-certificate"

NGINX = """
server {{
    listen 443 ssl;
    server_name shop.test www.shop.test;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    return 200 "shop\\n";
}}
"""
NGINX_WILDCARD = f"""
server {{
    listen 443 ssl;
    server_name *.shop.test;
    ssl_certificate {LIVE[WILDCARD]}/fullchain.pem;
    ssl_certificate_key {LIVE[WILDCARD]}/privkey.pem;
    return 200 "wildcard\\n";
}}
"""
APACHE = """
ServerName shop.test
<VirtualHost *:443>
    SSLEngine on
    SSLCertificateFile {cert}
    SSLCertificateKeyFile {key}
</VirtualHost>
"""
HAPROXY = """
global
    user haproxy
    group haproxy
    stats socket /run/haproxy/admin.sock mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend shop
    bind :443 ssl crt /etc/haproxy/shop.pem
    http-request return status 200 content-type text/plain string shop
"""
# haproxy wants certificate and key in one file
HAPROXY_SCRIPT = """#!/bin/sh
set -eu
umask 077
cat {cert} {key} > /etc/haproxy/shop.pem.new
if [ "$*" = test ]; then
    sed s,shop.pem,shop.pem.new, /etc/haproxy/haproxy.cfg > /etc/haproxy/test.cfg
    exec haproxy -c -f /etc/haproxy/test.cfg
fi
mv /etc/haproxy/shop.pem.new /etc/haproxy/shop.pem
exec systemctl reload-or-restart haproxy
"""
POSTFIX = """
compatibility_level = 3.6
myhostname = mail.test
mydestination =
inet_interfaces = all
inet_protocols = ipv4
smtpd_tls_chain_files = {key}, {cert}
smtpd_tls_security_level = may
"""
POSTFIX_MASTER = "\nsmtps inet n - y - - smtpd\n    -o smtpd_tls_wrappermode=yes\n"


@dataclass(frozen=True)
class Kind:
    """A server: the file with the certificate's place in it, and ports by set."""

    service: str
    path: str
    template: str
    mode: str = "644"
    more: dict[str, str] = field(default_factory=dict)
    set: str = SHOP
    ports: tuple[int, ...] = (443,)

    def text(self, cert: str | None = None, key: str | None = None) -> str:
        live = LIVE[self.set]
        return self.template.format(cert=cert or f"{live}/fullchain.pem", key=key or f"{live}/privkey.pem")


NGINX_KIND = Kind("nginx", "/etc/nginx/conf.d/shop.conf", NGINX)
KINDS = {
    "nginx": NGINX_KIND,
    "apache2": Kind("apache2", "/etc/apache2/sites-enabled/shop.conf", APACHE),
    "haproxy": Kind("haproxy", HAPROXY_RELOAD, HAPROXY_SCRIPT, "755", {"/etc/haproxy/haproxy.cfg": HAPROXY}),
    "postfix": Kind("postfix", "/etc/postfix/main.cf", POSTFIX, set=MAIL, ports=(465, 25)),
}


@dataclass(frozen=True)
class Host:
    """``user``: who comes by ssh; ``deploy`` becomes root by sudo. ``init``: ``plain`` without systemd."""

    name: str
    address: str
    kind: str
    user: str = "root"
    init: str = "systemd"
    wildcard: bool = False  # serves WILDCARD beside SHOP
    busybox: bool = False  # its tools are busybox's

    @property
    def service(self) -> str:
        return KINDS[self.kind].service


def hosts(count: int) -> list[Host]:
    """The first five have one of each; the others are web servers."""
    found = [
        Host("web1", "10.77.0.11", "nginx", wildcard=True),
        Host("web2", "10.77.0.12", "apache2", user="deploy"),
        Host("web3", "10.77.0.13", "haproxy", user="deploy"),
        Host("mail1", "10.77.0.14", "postfix"),
        Host("old1", "10.77.0.15", "nginx", init="plain", busybox=True),
    ]
    kinds = itertools.cycle(("nginx", "apache2", "haproxy"))
    for number in range(4, count - 1):
        found.append(Host(f"web{number}", f"10.77.0.{number + 12}", next(kinds), user=("root", "deploy")[number % 2]))
    return found
