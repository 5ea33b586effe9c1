# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our errors as those of filters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible.errors import AnsibleFilterError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError


@contextmanager
def as_filter_error() -> Iterator[None]:
    """The sentence for a person, without a chain of causes."""
    try:
        yield
    except CollectionError as error:
        raise AnsibleFilterError(error.sentence()) from None
