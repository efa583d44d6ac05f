"""What every test has."""

import os

import pytest
from hypothesis import settings

# A busy machine is not a bug: no deadline an example. With CI set, hypothesis does this by itself
# and draws the same examples in each run.
settings.register_profile("here", deadline=None)
if "CI" not in os.environ:
    settings.load_profile("here")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests and fixtures, of any scope, run on asyncio."""
    return "asyncio"
