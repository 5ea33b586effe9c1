# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What extensions say, those of certificates and those that requests ask for (RFC 5280 section 4.2).

A field that an extension would set has the value for its absence without it (``False``, an empty list), and ``None`` if it cannot be read.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Callable, Iterable

from .names import generals, prefixed, uris
from .notes import Notes
from .separate import separate
from .times import milliseconds
from .words import EXTENSIONS, LEVELS, POLICIES, PURPOSES

if TYPE_CHECKING:
    from cryptography import x509

    Fields = dict[str, Any]

_ADDRESSES = ("DNS", "IP")
_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_AGREEMENTS = {"encipher_only": "encipherOnly", "decipher_only": "decipherOnly"}
_OCSP, _CA_ISSUERS = "1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2"


def fields(owner: x509.Certificate | x509.CertificateSigningRequest, whole: bytes, notes: Notes) -> Fields:
    """All that the extensions of ``owner`` say. ``whole`` is its DER: if they cannot be read together, they are read one by one."""
    found: Fields = {name: value() for name, value in ABSENT.items()}
    extensions = Notes().attempt("extensions", lambda: list(owner.extensions))
    if extensions is not None:
        for extension in notes.some("extensions", extensions):
            oid = extension.oid.dotted_string
            _name(found, EXTENSIONS.get(oid, oid), extension.critical)
            _add(found, oid, extension.value, notes)
        return found
    for part in notes.some("extensions", notes.attempt("extensions", lambda: separate(whole), [])):
        oid, critical, value = part
        name = EXTENSIONS.get(oid, oid)
        if name in found["extensions"]:
            notes.add("duplicate_extension", "the extension %s is there twice" % name)
        _name(found, name, critical)
        if value is None:
            notes.add("unreadable", "extension %s: cannot be read" % name)
            found.update(dict.fromkeys(_READERS[oid][1] if oid in _READERS else ()))
        else:
            _add(found, oid, value, notes)
    return found


def _name(found: Fields, name: str, critical: bool) -> None:
    found["extensions"].append(name)
    if critical:
        found["critical_extensions"].append(name)


def _add(found: Fields, oid: str, value: Any, notes: Notes) -> None:
    if oid not in _READERS:
        return
    reader, names = _READERS[oid]
    what = notes.attempt("extension %s" % EXTENSIONS.get(oid, oid), lambda: reader(value, notes))
    found.update(dict.fromkeys(names) if what is None else what)


def _alternative_names(value: x509.SubjectAlternativeName, notes: Notes) -> Fields:
    names = generals(value, notes)
    addresses = [text for kind, text in names if kind in _ADDRESSES]
    return {"sans": addresses, "alternative_names": prefixed(names)}


def _basic_constraints(value: x509.BasicConstraints, notes: Notes) -> Fields:
    return {"is_ca": value.ca, "path_length": value.path_length}


def _key_usage(value: x509.KeyUsage, notes: Notes) -> Fields:
    found = [word for name, word in _USAGES.items() if getattr(value, name)]
    if value.key_agreement:  # without it the library refuses to say anything about these
        found += [word for name, word in _AGREEMENTS.items() if getattr(value, name)]
    return {"key_usage": found}


def _extended_key_usage(value: x509.ExtendedKeyUsage, notes: Notes) -> Fields:
    oids = [each.dotted_string for each in notes.some("purposes", list(value))]
    return {"extended_key_usage": [PURPOSES.get(oid, oid) for oid in oids]}


def _policies(value: x509.CertificatePolicies, notes: Notes) -> Fields:
    found = []
    for policy in notes.some("policies", list(value)):
        oid = policy.policy_identifier.dotted_string
        texts = [each for each in policy.policy_qualifiers or [] if isinstance(each, str)]
        found.append({"oid": oid, "name": POLICIES.get(oid), "cps": [notes.text(each) for each in texts]})
    levels = [LEVELS[policy["oid"]] for policy in found if policy["oid"] in LEVELS]
    return {"policies": found, "validation_level": levels[0] if levels else None}


def _authority_information(value: x509.AuthorityInformationAccess, notes: Notes) -> Fields:
    by_method: dict[str, list[x509.GeneralName]] = {_OCSP: [], _CA_ISSUERS: []}
    for access in value:
        by_method.setdefault(access.access_method.dotted_string, []).append(access.access_location)
    return {"ocsp_urls": uris(by_method[_OCSP], notes), "issuer_urls": uris(by_method[_CA_ISSUERS], notes)}


def _distribution_points(value: x509.CRLDistributionPoints, notes: Notes) -> Fields:
    return {"crl_urls": uris([name for point in value for name in point.full_name or ()], notes)}


def _subject_key(value: x509.SubjectKeyIdentifier, notes: Notes) -> Fields:
    return {"subject_key_id": value.digest.hex()}


def _authority_key(value: x509.AuthorityKeyIdentifier, notes: Notes) -> Fields:
    return {"authority_key_id": value.key_identifier.hex() if value.key_identifier else None}


def _features(value: x509.TLSFeature, notes: Notes) -> Fields:
    """Must-staple (RFC 7633): the feature status_request."""
    return {"must_staple": any(feature.name == "status_request" for feature in value)}


def _timestamps(value: x509.PrecertificateSignedCertificateTimestamps, notes: Notes) -> Fields:
    """Log ids in base64, as the lists of logs have them."""
    found = [
        {"log_id": base64.b64encode(each.log_id).decode("ascii"), "timestamp": milliseconds(each.timestamp)}
        for each in notes.some("timestamps", list(value))
    ]
    return {"sct_count": len(list(value)), "scts": found}


def _name_constraints(value: x509.NameConstraints, notes: Notes) -> Fields:
    permitted, excluded = generals(value.permitted_subtrees, notes), generals(value.excluded_subtrees, notes)
    return {"name_constraints": {"permitted": prefixed(permitted), "excluded": prefixed(excluded)}}


def _poison(value: x509.PrecertPoison, notes: Notes) -> Fields:
    notes.add("precertificate", "it is a precertificate (RFC 6962), made for logs and not for servers")
    return {"precertificate": True}


def _nothing() -> None:
    return None


_READERS: dict[str, tuple[Callable[[Any, Notes], Fields], Iterable[str]]] = {
    "2.5.29.17": (_alternative_names, ("sans", "alternative_names")),
    "2.5.29.19": (_basic_constraints, ("is_ca", "path_length")),
    "2.5.29.15": (_key_usage, ("key_usage",)),
    "2.5.29.37": (_extended_key_usage, ("extended_key_usage",)),
    "2.5.29.32": (_policies, ("policies", "validation_level")),
    "1.3.6.1.5.5.7.1.1": (_authority_information, ("ocsp_urls", "issuer_urls")),
    "2.5.29.31": (_distribution_points, ("crl_urls",)),
    "2.5.29.14": (_subject_key, ("subject_key_id",)),
    "2.5.29.35": (_authority_key, ("authority_key_id",)),
    "1.3.6.1.5.5.7.1.24": (_features, ("must_staple",)),
    "1.3.6.1.4.1.11129.2.4.2": (_timestamps, ("sct_count", "scts")),
    "2.5.29.30": (_name_constraints, ("name_constraints",)),
    "1.3.6.1.4.1.11129.2.4.3": (_poison, ("precertificate",)),
}

ABSENT: dict[str, Callable[[], Any]] = {
    "sans": list,
    "alternative_names": list,
    "is_ca": bool,
    "path_length": _nothing,
    "key_usage": list,
    "extended_key_usage": list,
    "policies": list,
    "validation_level": _nothing,
    "ocsp_urls": list,
    "issuer_urls": list,
    "crl_urls": list,
    "must_staple": bool,
    "sct_count": int,
    "scts": list,
    "subject_key_id": _nothing,
    "authority_key_id": _nothing,
    "name_constraints": _nothing,
    "precertificate": bool,
    "extensions": list,
    "critical_extensions": list,
}
