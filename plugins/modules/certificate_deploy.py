# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate sets on hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_deploy
short_description: Puts certificate sets onto a host, reloads services and proves what they serve
version_added: 1.0.0
description:
  - Installs certificate sets (private key, certificate and chain) from the controller on a host, all of them in one task.
  - Each set is verified on the controller before anything travels. The key must fit the certificate, the names must be exactly those
    wanted, the chain must hold together and the dates must be right. A set that is missing or refused is left as it is on the host;
    it does not hold up the others, and the task fails for it at the end.
  - Key, certificate and chain of a set switch together, by one rename of one link. Services read them below
    C(<root>/<name>/current/), for example C(/etc/certfleet/www.example.com/current/fullchain.pem).
  - After a switch the configuration is tested, the services are told to reload, and a TLS handshake with every endpoint proves that the
    new certificate is served. If one of these fails, the version before is linked again, the services are told once more, the old
    certificate is proven, and the task fails with what was seen. An endpoint that serves something else is noticed at every run, so a
    reload that was missed is made up for.
  - Sets that name the same command, or the same O(certificates[].unit), are told to their services together and fall together; where only the
    proof of some sets failed, these alone are taken back. Other sets are not held up.
  - Where there is no version to go back to, the new files stay linked, and the next run tries again.
  - A run that failed or was cut off is finished or undone by the next one, even if nothing else is to do. From before a switch until the
    set, or the version before, is served, C(<root>/<name>/reload-owed) keeps in mind that this is owed, and which version to go back to.
  - A host is looked at first, by one shell command in which no Python takes part. It tells digests, modes, owners and links, all of
    what the module would read, and what the endpoints serve. If nothing is to do, that was all. Otherwise the module runs on the
    host, and only the files of those sets travel that are missing or damaged there.
  - Endpoints with O(certificates[].endpoints[].proof_from=controller) are proven from the controller after that, and what they serve goes
    back to the host with a second call of the module. Until then the sets keep in mind that they are owed. If one of these proofs fails, the
    way back is the same. This costs nothing where nothing changed.
  - With O(state=absent) sets are removed from the host.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action
  - certfleet.reseller.attributes.host
attributes:
  check_mode:
    details:
      - The prediction is the plan that the real run carries out.
      - Sets are verified and endpoints are asked for their certificate in check mode too, from the host. No command is run.
      - A set that O(state=absent) would not remove, because it is in use, is an error in check mode too.
      - A set that is not issued yet is an error; in check mode it is predicted to be installed, for the task that issues it did not run.
  diff_mode:
    details:
      - Shows serial numbers, names, dates, fingerprints, modes and links. Keys are never part of it.
options:
  state:
    description:
      - V(present) installs the sets.
      - V(absent) removes from the host what V(present) has installed, first the links, then all versions with their keys. Of
        O(certificates) only names and endpoints matter, no reload command is run, and the sets on the controller are neither needed nor
        touched. Configure services for other certificates and reload them before.
      - A set whose certificate one of its O(certificates[].endpoints) still serves, whichever version it is, is not removed. Neither is one
        with something in its directory that this module has not put there. Both do not hold up the others, and the task fails for
        them at the end. A service that is down serves nothing, so it does not keep a set.
    type: str
    choices: [present, absent]
    default: present
  sets_path:
    description:
      - Directory of the certificate sets on the controller, with C(<file name of the set>/current) in it.
      - A relative path starts at the directory of the playbook.
    type: path
    required: true
  root:
    description:
      - Directory on the host below which the sets are installed.
      - Made with O(directory_mode) if it does not exist, otherwise left as it is.
    type: path
    default: /etc/certfleet
  certificates:
    description:
      - The sets this host shall have, or shall not have with O(state=absent). Sets that are not in the list are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the certificate set.
        type: str
        required: true
      domains:
        description:
          - The names the certificate must carry, these and no others.
          - By default, O(certificates[].name).
        type: list
        elements: str
      owner:
        description:
          - Owner of the files, by name or number. By default, the user that runs the module.
        type: str
      group:
        description:
          - Group of the files and of the set's directories, by name or number. By default, the group of the user that runs the module.
        type: str
      key_mode:
        description:
          - Mode of the private key, in quotes. Others may not have access to it.
        type: str
        default: '0600'
      mode:
        description:
          - Mode of the other files, in quotes.
        type: str
        default: '0644'
      config_test:
        description:
          - Commands that test the configuration of services with the new files, each one as a list of words. They run without a shell, after
            the switch and before O(certificates[].reload).
          - If one fails the version before is linked again at once, and nothing is reloaded.
        type: list
        elements: list
        default: []
      reload:
        description:
          - Commands that make services take the new files, each one as a list of words. They run without a shell.
          - A command that several sets name runs once, after all of these sets were switched.
        type: list
        elements: list
        default: []
      recover:
        description:
          - Commands that start services, and do no harm to one that runs, like V([[systemctl, start, apache2]]).
          - They are run when a service does not serve the old certificate after the way back, and when a first deployment finds it
            down. What was down before is not started otherwise.
        type: list
        elements: list
        default: []
      without_systemd:
        description:
          - Commands in the place of those of the same name on a host whose first process is not systemd.
        type: dict
        suboptions:
          config_test:
            description:
              - In the place of O(certificates[].config_test).
            type: list
            elements: list
          reload:
            description:
              - In the place of O(certificates[].reload).
            type: list
            elements: list
          recover:
            description:
              - In the place of O(certificates[].recover).
            type: list
            elements: list
      unit:
        description:
          - Sets with the same unit switch together, and are taken back together, like the RSA and the ECDSA certificate of one server.
        type: str
      bundles:
        description:
          - Files that are made of the set, for services that do not read separate ones. They have the mode of the key, and switch with the set.
          - V(combined.pem) has the private key, the certificate and its chain, as HAProxy, Postfix and lighttpd read them.
          - V(keystore.p12) is a PKCS#12 file with the three, as Java reads it. It needs O(certificates[].keystore_password) or
            O(certificates[].keystore_password_path). It is made on the controller once per version, and kept there beside the set.
        type: list
        elements: str
        choices: [combined.pem, keystore.p12]
        default: []
      keystore_password:
        description:
          - Password of V(keystore.p12). It does not travel to the host.
        type: str
      keystore_password_path:
        description:
          - File on the controller with the password of V(keystore.p12) in its first line. Others must have no access to it.
          - A relative path starts at the directory of the playbook.
        type: path
      endpoints:
        description:
          - Where this host must serve the certificate, or must not with O(state=absent).
          - Without O(certificates[].reload) the endpoints are only proven.
        type: list
        elements: dict
        default: []
        suboptions:
          port:
            description:
              - TCP port of a TLS server.
            type: int
            required: true
          address:
            description:
              - Address to connect to, seen from where the proof is made.
              - By default V(127.0.0.1), and with O(certificates[].endpoints[].proof_from=controller) the address that Ansible connects to.
            type: str
          server_name:
            description:
              - Name to ask for (SNI). By default, the first one of O(certificates[].domains).
              - In a wildcard the C(*) is replaced by C(certfleet-probe).
            type: str
          starttls:
            description:
              - The protocol in which TLS is asked for. By default, the connection begins with TLS.
            type: str
            choices: [smtp, imap, pop3, ftp, ldap, postgres, mysql, xmpp]
          key_type:
            description:
              - Ask as a client that takes this type of key only, for a server that has certificates of both. It speaks TLS 1.2.
            type: str
            choices: [rsa, ecdsa]
          proof_from:
            description:
              - Who proves it. With V(host) the host connects to itself. With V(controller) the controller connects to the host, through what
                is in between, such as a firewall or a load balancer. An endpoint that both shall prove is listed twice.
              - The controller connects to those sets that changed or still owe a proof, after the host has proven its own endpoints. Where nothing
                is to do it connects to nothing, unlike the host, and its endpoints are not in the result.
              - With O(state=absent) only those of V(host) keep a set.
            type: str
            choices: [host, controller]
            default: host
      serial:
        description:
          - Filled in by the action plugin, as are the following ones. Do not set it.
          - Serial number of the certificate in hexadecimal.
        type: str
      fingerprint:
        description:
          - Filled in by the action plugin. SHA-256 of the certificate.
        type: str
      not_after:
        description:
          - Filled in by the action plugin. End of the certificate's validity.
        type: str
      names:
        description:
          - Filled in by the action plugin. Names in the certificate.
        type: list
        elements: str
      digests:
        description:
          - Filled in by the action plugin. SHA-256 of each file.
        type: dict
  directory_mode:
    description:
      - Mode of the set's directories, in quotes.
    type: str
    default: '0755'
  keep:
    description:
      - How many old versions of a set stay beside the live one. The live one is never removed.
    type: int
    default: 2
  proof_timeout:
    description:
      - Seconds that the services have to serve the new certificates after the reload commands ended.
    type: float
    default: 10.0
  contents:
    description:
      - Filled in by the action plugin. The files, encoded in Base64.
    type: dict
  seen:
    description:
      - Filled in by the action plugin. What the controller saw at its endpoints.
    type: dict
notes:
  - The look at a host takes a POSIX shell, C(stat) and C(sha256sum) as GNU or busybox have them, for endpoints also C(openssl),
    C(timeout) and C(sed), and C(getent) where a group is given by name. Where one is missing, where a name is unusual, and where the answer
    is not exactly as expected, the module looks, with the same result. With C(-vvv) the task says what was done, and why.
  - A TLS server that breaks off the handshake, for it wants a certificate of its client, is always looked at by the module.
  - Of a set that is on the host already, byte by byte, dates and names are checked again at each run. It is verified anew, together
    with its key, before anything is changed.
  - Without pipelining Ansible keeps the module with its arguments, private keys among them, in its temporary directory on the host
    while the module runs. Only the user that runs the module can read it. Set C(ansible_pipelining=true) to avoid the file.
  - A service that opens key and certificate one after the other may see both sides of a switch if it starts at that moment. The
    reload that follows corrects it.
seealso:
  - module: certfleet.reseller.acme_http_challenge
"""

EXAMPLES = r"""
- name: The web server has its certificate and serves it
  certfleet.reseller.certificate_deploy:
    sets_path: ~/.certfleet/sets
    certificates:
      - name: www.example.com
        domains: [www.example.com, example.com]
        config_test:
          - [nginx, -t, -q]
        reload:
          - [systemctl, reload, nginx]
        recover:
          - [systemctl, start, nginx]
        without_systemd:
          reload:
            - [nginx, -s, reload]
          recover:
            - [nginx]
        endpoints:
          - port: 443

- name: A wildcard for two services, readable for a group
  certfleet.reseller.certificate_deploy:
    sets_path: ~/.certfleet/sets
    certificates:
      - name: "*.example.com"
        group: ssl-cert
        key_mode: '0640'
        reload:
          - [systemctl, reload, haproxy]
          - [systemctl, reload, postfix]
        endpoints:
          - port: 443
            server_name: shop.example.com
          - port: 25
            server_name: mail.example.com
            starttls: smtp

- name: An RSA and an ECDSA certificate of one server, that switch together
  certfleet.reseller.certificate_deploy:
    sets_path: ~/.certfleet/sets
    certificates:
      - name: shop-rsa
        domains: [shop.example.com]
        unit: shop
        bundles: [combined.pem]
        reload:
          - [systemctl, reload, haproxy]
        endpoints:
          - port: 443
            key_type: rsa
      - name: shop-ecdsa
        domains: [shop.example.com]
        unit: shop
        bundles: [combined.pem]
        reload:
          - [systemctl, reload, haproxy]
        endpoints:
          - port: 443
            key_type: ecdsa

- name: The host proves that its server has the certificate, and the controller that clients get it
  certfleet.reseller.certificate_deploy:
    sets_path: ~/.certfleet/sets
    certificates:
      - name: www.example.com
        reload:
          - [systemctl, reload, nginx]
        endpoints:
          - port: 443
          - port: 443
            address: www.example.com
            proof_from: controller

- name: A keystore for Java
  certfleet.reseller.certificate_deploy:
    sets_path: ~/.certfleet/sets
    certificates:
      - name: app.example.com
        bundles: [keystore.p12]
        keystore_password_path: ~/.certfleet/keystore.password
        group: tomcat
        key_mode: '0640'
        reload:
          - [systemctl, restart, tomcat10]
        endpoints:
          - port: 8443

- name: The old shop is gone
  certfleet.reseller.certificate_deploy:
    state: absent
    sets_path: ~/.certfleet/sets
    certificates:
      - name: shop.example.org
        endpoints:
          - port: 443
"""

RETURN = r"""
sets:
  description: The sets of O(certificates), in the same order, as they are at the end; also when a service did not take them.
  returned: when the host was read
  type: list
  elements: dict
  contains:
    name:
      description: Name of the set.
      type: str
      sample: www.example.com
    serial:
      description: Serial number of the certificate in hexadecimal; null with O(state=absent), like the other facts of the certificate.
      type: str
      sample: 4d2f0c77a1b3
    fingerprint:
      description: SHA-256 of the certificate.
      type: str
      sample: 2f1c4b6f3c2f8e86b6b8a3f5cbbd5a3b2a4c1d9d3a3b2f6d1a3e0b6f4f5e6d7c
    previous_serial:
      description: What was live before this task; null if the same version was, or none.
      type: str
      sample: 4d2f0c77a1b2
    current:
      description: What the link points at when the task ends; in check mode, what it points at now.
      type: str
      sample: 4d2f0c77a1b3
    not_after:
      description: End of the certificate's validity, ISO 8601 in UTC.
      type: str
      sample: '2027-03-01T00:00:00Z'
    names:
      description: Names in the certificate.
      type: list
      elements: str
      sample: [example.com, www.example.com]
    path:
      description: The directory from which services read the files.
      type: str
      sample: /etc/certfleet/www.example.com/current
    changed:
      description: Whether something was different for this set.
      type: bool
      sample: true
    rolled_back:
      description: Whether a service did not take the version, and the one before was linked again.
      returned: with O(state=present)
      type: bool
      sample: false
    endpoints:
      description: What is served where.
      type: list
      elements: dict
      contains:
        address:
          description: Address of the endpoint.
          type: str
          sample: 127.0.0.1
        port:
          description: Port of the endpoint.
          type: int
          sample: 443
        server_name:
          description: Name that was asked for.
          type: str
          sample: www.example.com
        starttls:
          description: The protocol in which TLS was asked for; null if the connection began with TLS.
          type: str
          sample: null
        key_type:
          description: The only type of key that was asked for; null for any.
          type: str
          sample: null
        proof_from:
          description: Who asked, V(host) or V(controller).
          type: str
          sample: host
        served:
          description: SHA-256 of the certificate that is served; null if there is none.
          type: str
          sample: 2f1c4b6f3c2f8e86b6b8a3f5cbbd5a3b2a4c1d9d3a3b2f6d1a3e0b6f4f5e6d7c
        reason:
          description: Why there is none.
          type: str
          sample: "no connection: Connection refused"
        proof:
          description: Whether it is the set's certificate.
          type: bool
          sample: true
rolled_back:
  description: Whether one of the sets was taken back. C(error.rolled_back) says whether all that failed are served as before.
  returned: with O(state=present)
  type: bool
  sample: false
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(install), V(repair), V(set_access), V(switch), V(test), V(reload), V(prove), V(unlink), V(remove).
      type: str
      sample: switch
    subject:
      description: What it was done to.
      type: str
      sample: www.example.com current -> 4d2f0c77a1b3
    cost:
      description: Always V(free).
      type: str
      sample: free
reason:
  description: Why there was something to do, or nothing.
  returned: success
  type: str
  sample: every set is in place
error:
  description:
    - What failed. C(kind) is V(verify) for a refused set, V(config_test) or V(reload) for a command that failed, with C(command), C(rc)
      and the end of its output in C(detail), and V(proof) for an endpoint that serves something else.
    - Of these three C(rolled_back) says whether the version before is live and served again, C(trouble) what did not work on the way back, and
      C(endpoints) what was seen when the proof failed.
  returned: failure
  type: dict
  sample:
    kind: config_test
    status: null
    code: null
    detail: "nginx: [emerg] SSL_CTX_use_PrivateKey failed: key values mismatch"
    hint: The version before is live again. Correct the cause and run again.
    command: nginx -t -q
    rc: 1
    rolled_back: true
    trouble: null
    endpoints: []
done:
  description: The steps that were done, like RV(steps). What was switched may have been taken back after that.
  returned: failure
  type: list
  elements: dict
open:
  description: The steps that are left, like RV(steps), those that failed among them.
  returned: failure
  type: list
  elements: dict
"""

from ..module_utils._core import engine
from ..module_utils._deploy import spec
from ..module_utils._deploy.state import Sets


def main() -> None:
    engine.run(Sets, argument_spec=spec.ARGUMENTS)


if __name__ == "__main__":
    main()
