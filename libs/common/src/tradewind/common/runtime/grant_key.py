"""The key under every grant: 32 random bytes in a file of the home, made by the service that starts first."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tradewind.common.contracts.grant import KEY_BYTES
from tradewind.common.private_files import sync_folder

FILE = "grant.key"


class GrantKeyRefused(ValueError):
    """The file holds no key. The text says which, and what to do."""


def grant_key_file(home: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """`TRADEWIND_GRANT_KEY_FILE`, or `<home>/grant.key`."""
    return Path(environ.get("TRADEWIND_GRANT_KEY_FILE") or home / FILE)


def grant_key(path: Path) -> bytes:
    """The key in the file, made (0600) if there is none. Two that make it at once agree: a link is atomic.

    Raises:
        GrantKeyRefused: what is there is no key.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # somebody was faster: theirs is the key
        finally:
            draft.unlink()
        sync_folder(path.parent)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise GrantKeyRefused(
            f"{path} holds {len(key)} bytes, not {KEY_BYTES}: restore it, or delete it to make a new one"
        )
    return key
