# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files for domain validation on web servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validation_file
short_description: Publishes the files in a web root by which a CA validates domains
version_added: 1.0.0
description:
  - Writes the files that a CA looks for below C(http://<name>/.well-known/pki-validation/), or removes them.
  - Paths and contents come from a provider, so they are checked before they become files.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.host
attributes:
  diff_mode:
    details:
      - The files are public, so their content is shown.
options:
  webroot:
    description:
      - Directory that the web server serves under C(http://<name>/). Directories that do not exist are made with mode V(0755).
    type: path
    required: true
  files:
    description:
      - The files, as M(certfleet.reseller.sslmarket_order) and M(certfleet.reseller.sslmarket_certificate) return them.
      - Of one file there can be one content. Certificates with different contents that share a web root take turns, or are validated by
        TXT records.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - Path of the URL, C(/.well-known/pki-validation/) and a plain file name.
        type: str
        required: true
      content:
        description:
          - Content of the file, plain text.
          - Needed for O(state=present). With O(state=absent) a file with another content stays; several contents may be given then.
        type: str
      name:
        description:
          - The certificate it is for. Not used; it is here so that results of other modules can be given as they are.
        type: str
      domain:
        description:
          - The domain it is for. Not used, either.
        type: str
  state:
    description:
      - V(present) writes the files.
      - V(absent) removes these files and no others. Directories stay.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: certfleet.reseller.sslmarket_order
  - module: certfleet.reseller.acme_http_challenge
"""

EXAMPLES = r"""
- name: The CA finds its file
  certfleet.reseller.validation_file:
    webroot: /var/www/html
    files:
      - path: /.well-known/pki-validation/fileauth.txt
        content: 20261122100000x7c2k9

- name: The file is gone
  certfleet.reseller.validation_file:
    webroot: /var/www/html
    files:
      - path: /.well-known/pki-validation/fileauth.txt
    state: absent
"""

RETURN = r"""
paths:
  description: The files of O(files), each once.
  returned: success
  type: list
  elements: str
  sample:
    - /var/www/html/.well-known/pki-validation/fileauth.txt
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(publish) or V(remove).
      type: str
      sample: publish
    subject:
      description: The file.
      type: str
      sample: /var/www/html/.well-known/pki-validation/fileauth.txt
    cost:
      description: Always V(free).
      type: str
      sample: free
reason:
  description: Why there was nothing to do.
  returned: success
  type: str
  sample: every file is as it should be
error:
  description: What failed.
  returned: failure
  type: dict
  sample:
    kind: usage
    status: null
    code: null
    detail: null
    hint: null
"""

from ..module_utils._core import engine
from ..module_utils._deploy.validation import ValidationFiles

ARGUMENTS = {
    "webroot": {"type": "path", "required": True},
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "str", "required": True},
            "content": {"type": "str"},
            "name": {"type": "str"},
            "domain": {"type": "str"},
        },
    },
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    engine.run(ValidationFiles, argument_spec=ARGUMENTS)


if __name__ == "__main__":
    main()
