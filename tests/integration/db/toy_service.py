"""A service with migrations, installed for one test: the real entry point, files and Alembic."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

REVISION = '''"""{name}"""

from alembic import op

revision = "{number:04}"
down_revision = {before}
phase = "{phase}"


def upgrade() -> None:
    {does}
'''


@dataclass
class ToyService:
    """Its schema is `toy`."""

    versions: Path
    count: int = 0

    def add(self, name: str, *, phase: str, does: str) -> None:
        before = f'"{self.count:04}"' if self.count else None
        self.count += 1
        text = REVISION.format(name=name, number=self.count, before=before, phase=phase, does=does)
        (self.versions / f"{self.count:04}_{name}.py").write_text(text)

    def take_back(self) -> None:
        """Remove the newest revision."""
        next(self.versions.glob(f"{self.count:04}_*.py")).unlink()
        shutil.rmtree(self.versions / "__pycache__", ignore_errors=True)
        self.count -= 1


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyService:
    package = tmp_path / "toy_service_migrations"
    metadata = tmp_path / "toy_service-1.dist-info"
    (package / "versions").mkdir(parents=True)
    (package / "__init__.py").touch()
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-service\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[tradewind.migrations]\ntoy = toy_service_migrations\n")
    monkeypatch.syspath_prepend(tmp_path)
    return ToyService(package / "versions")
