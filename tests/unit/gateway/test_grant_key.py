from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tradewind.common.runtime.grant_key import GrantKeyRefused, grant_key, grant_key_file


def test_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    path = grant_key_file(tmp_path, {})
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(grant_key, [path] * 8))
    assert keys == {path.read_bytes()}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["grant.key"]


def test_a_damaged_file_is_not_replaced(tmp_path: Path) -> None:
    path = grant_key_file(tmp_path, {"TRADEWIND_GRANT_KEY_FILE": str(tmp_path / "elsewhere")})
    path.write_bytes(b"short")
    with pytest.raises(GrantKeyRefused, match="holds 5 bytes, not 32"):
        grant_key(path)
