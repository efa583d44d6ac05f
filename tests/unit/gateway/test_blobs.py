import os
import time
from pathlib import Path

from tradewind.gateway.blobs import DRAFT_KEPT_S, Blobs


def test_only_drafts_that_nobody_writes_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "sha256"
    folder.mkdir()
    old, young, kept = folder / "1.a.new", folder / "2.b.new", folder / "ab"
    for path in (old, young, kept):
        path.touch()
    long_ago = time.time() - DRAFT_KEPT_S - 1
    os.utime(old, (long_ago, long_ago))
    os.utime(kept, (long_ago, long_ago))
    Blobs(tmp_path, limit=1).forget_drafts()
    assert sorted(path.name for path in folder.iterdir()) == ["2.b.new", "ab"]


def test_a_name_that_is_no_hash_is_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    assert Blobs(tmp_path, limit=1).size("../secret") is None
