# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed envelopes: DSSE v1 (secure-systems-lab/dsse), with the RSA keys that packages are signed with.

The signature is PKCS #1 v1.5 with SHA-256, whatever ``sigtype`` packages have, over the "pre-authentication encoding"
``DSSEv1 <length> <type> <length> <payload>``; no package or index begins like that, so neither passes for the other. ``keyid`` is
the file name of the public key, as in packages.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy.records.form import Fields, dump, parse

if TYPE_CHECKING:
    from abuildpy.package.sign import Signer

_MOST_SIGNATURES = 64
"""Each is over the whole payload: a million of them are an attack."""
IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its signatures: pairs of key and raw signature."""

    kind: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def signed(self) -> bytes:
        """What the signatures are over."""
        return encode(self.kind, self.payload)


def encode(kind: str, payload: bytes) -> bytes:
    """DSSE's PAE of a payload of a type."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def seal(kind: str, payload: bytes, signer: Signer) -> bytes:
    """The envelope's file: payload and signature. Raises SigningError."""
    from dataclasses import replace

    signature = replace(signer, kind="RSA256").sign(hashlib.sha256(encode(kind, payload)).digest())
    return _format(Envelope(kind, payload, ((signer.name, signature),)))


def _format(envelope: Envelope) -> bytes:
    return dump(
        {
            "payload": base64.b64encode(envelope.payload).decode(),
            "payloadType": envelope.kind,
            "signatures": [
                {"keyid": name, "sig": base64.b64encode(value).decode()} for name, value in envelope.signatures
            ],
        }
    )


def unseal(content: bytes) -> Envelope:
    """The envelope in a file; its signatures are not looked at. Raises ValueError for anything but what ``seal`` writes."""
    top = Fields(parse(content), "it")
    envelope = Envelope(
        top.value("payloadType", str),
        _decode(top.value("payload", str)),
        tuple((each.value("keyid", str), _decode(each.value("sig", str))) for each in top.each("signatures")),
    )
    if len(envelope.signatures) > _MOST_SIGNATURES:
        raise ValueError("it has more signatures than anybody makes")
    if _format(envelope) != content:  # what is beside the signed bytes could say anything
        raise ValueError("something around its signed part was changed")
    return envelope


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("something in it is no base64") from None
