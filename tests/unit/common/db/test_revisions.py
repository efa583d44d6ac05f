"""Every revision keeps the rules by which its file alone tells what it is."""

import importlib.util
from types import ModuleType

import pytest

from tradewind.common.db.revisions import Revision, folders, known

LINES = {service: known(service, folder) for service, folder in folders().items()}
REVISIONS = [revision for line in LINES.values() for revision in line]


def loaded(revision: Revision) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"revision_{revision.number}", revision.file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("revision", REVISIONS, ids=str)
def test_the_file_says_what_alembic_reads(revision: Revision) -> None:
    module = loaded(revision)
    assert (module.revision, module.phase) == (revision.number, revision.phase)
    before = int(revision.number) - 1
    assert module.down_revision == (f"{before:04}" if before else None)


@pytest.mark.parametrize("service", LINES)
def test_no_number_is_missing_and_no_file_is_overlooked(service: str) -> None:
    line = LINES[service]
    assert [revision.number for revision in line] == [f"{number:04}" for number in range(1, len(line) + 1)]
    assert {revision.file for revision in line} == set(line[0].file.parent.glob("*.py"))
