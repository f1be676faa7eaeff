"""TLS in which both sides show a certificate."""

from __future__ import annotations

import ssl

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.node.config import Tls


def tls_context(tls: Tls | None, *, server: bool) -> ssl.SSLContext | None:
    """The context of a connection; None without TLS. Raises UsageError when a file cannot be used."""
    if tls is None:
        return None
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(tls.certificate, tls.key)
        context.load_verify_locations(tls.authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        whose = "node.tls" if server else "pacs.tls"
        raise UsageError(f"{whose}: certificate, key or authorities cannot be used: {error}") from error
    if not server:
        context.check_hostname = False  # a PACS is known by its certificate, seldom by a name of the internet
    return context
