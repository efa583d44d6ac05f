"""The grant: by it an agent fetches the spec of a job attempt, and the blobs that it names, on one node.

The jobs controller signs it into the want; the gateway verifies it when the agent asks. Both hold the same
key, so no question goes between them and an agent needs no credential beyond its node's. The token is text:
`<claims as JSON, base64url>.<HMAC-SHA256 of that text, base64url>`, both without padding.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from pydantic import AwareDatetime, ValidationError

from tradewind.common.contracts.base import Value

KEY_BYTES = 32


class Grant(Value):
    """What is claimed. The same claims under the same key give the same token."""

    workspace: str
    job: str
    attempt: int
    node: str
    spec_ref: str
    expires_at: AwareDatetime


class GrantRefused(ValueError):
    """The token gives nothing. The text says why, in one sentence."""


def sign(key: bytes, claims: Grant) -> str:
    """The token for `claims`."""
    payload = _text(claims.model_dump_json().encode())
    return f"{payload}.{_seal(key, payload)}"


def verify(key: bytes, token: str, now: datetime) -> Grant:
    """The claims of a token that was signed with `key` and has not run out.

    Raises:
        GrantRefused: it is no token, was signed with another key, was changed, or has run out.
    """
    payload, point, seal = token.partition(".")
    if not point:
        raise GrantRefused("the grant is not a signed token")
    if not hmac.compare_digest(_seal(key, payload).encode(), seal.encode()):
        raise GrantRefused("the grant was not signed with this installation's key")
    try:
        claims = Grant.model_validate_json(_bytes(payload))
    except (binascii.Error, ValidationError):
        raise GrantRefused("the grant's claims cannot be read: its signer is of another version") from None
    if claims.expires_at <= now:
        raise GrantRefused(f"the grant ran out at {claims.expires_at.isoformat()}")
    return claims


def _seal(key: bytes, payload: str) -> str:
    return _text(hmac.digest(key, payload.encode(), "sha256"))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
