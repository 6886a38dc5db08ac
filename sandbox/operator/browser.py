"""The machine's Chromium, driven by playwright; it trusts the sandbox's certificates and no others."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, sync_playwright

from sandbox.operator.chromium import chromium


@contextmanager
def browser(certificates: Path | None = None, *, graphs: bool = False) -> Iterator[Browser]:
    """Start a headless Chromium; raise NoBrowser where there is none.

    ``graphs``: draw the graph of a run on Prefect's page of it, which needs WebGL and keeps a processor busy.

    ``certificates`` is a folder with the server certificates (``*.pem``) of a sandbox. Chromium has no switch for a
    certificate authority of one's own, but one for public keys: it accepts a server that proves to hold one of these
    keys. Every other certificate is verified as ever.
    """
    keys = _keys_in(certificates) if certificates else set()
    arguments = [f"--ignore-certificate-errors-spki-list={','.join(sorted(keys))}"] if keys else []
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to start as root without it
    if not graphs:
        arguments += ["--disable-gpu", "--disable-3d-apis"]
    program = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield started
        finally:
            started.close()


def _keys_in(folder: Path) -> set[str]:
    """Return the keys of a folder's server certificates; the authority's would let in whoever sends its certificate."""
    found = [x509.load_pem_x509_certificate(file.read_bytes()) for file in folder.glob("*.pem")]
    return {
        _key_of(certificate) for certificate in found if certificate.subject != certificate.issuer
    }


def _key_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate's public key, as Chromium writes it."""
    key = certificate.public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(encoded).digest()).decode()
