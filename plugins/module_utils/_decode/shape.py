# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of an entry, whichever decoder read it. ``source`` comes before them."""

from __future__ import annotations

_BOTH = (
    "decoder",
    "version",
    "subject",
    "subject_parts",
    "owner",
    "key_type",
    "key_size",
    "key_curve",
    "key_algorithm",
    "public_key",
    "public_key_pem",
    "private_key_matches",
    "signature_algorithm",
    "signature_hash",
    "sans",
    "alternative_names",
    "is_ca",
    "path_length",
    "key_usage",
    "extended_key_usage",
    "policies",
    "validation_level",
    "must_staple",
    "subject_key_id",
    "name_constraints",
    "extensions",
    "critical_extensions",
    "problems",
)
CERTIFICATE = (
    *_BOTH,
    "issuer",
    "issuer_parts",
    "serial",
    "serial_number",
    "serial_number_hex",
    "not_before",
    "not_after",
    "days_left",
    "share_left",
    "expired",
    "fingerprint",
    "fingerprint_sha1",
    "ocsp_urls",
    "issuer_urls",
    "crl_urls",
    "sct_count",
    "scts",
    "authority_key_id",
    "precertificate",
    "self_signed",
)
REQUEST = (*_BOTH, "signature_valid", "challenge_password")
