"""Whether this installation has scripted clouds, and which: TRADEWIND_MOCK names their script."""

import os
from collections.abc import Mapping
from pathlib import Path

from tradewind.provisioner.infra.mock.driver import MockDriver
from tradewind.provisioner.infra.mock.reading import read_script

VARIABLE = "TRADEWIND_MOCK"


def mock_drivers(home: Path, environ: Mapping[str, str] = os.environ) -> tuple[MockDriver, ...]:
    """One driver a cloud of the script; none where no script is named.

    Raises:
        ScriptRefused, StateDamaged: with one sentence.
    """
    file = environ.get(VARIABLE)
    if not file:
        return ()
    script = read_script(Path(file).expanduser())
    return tuple(
        MockDriver(infra, cloud, home=home, seed=script.seed) for infra, cloud in script.by_infra().items()
    )
