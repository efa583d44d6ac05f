# The tasks of this repository: run them as `./dev TASK`, which first brings .venv up to date.

set positional-arguments
export PATH := justfile_directory() / ".venv/bin:" + justfile_directory() / ".dev/uv/bin:" + env("PATH")

[private]
default:
    @just --list --unsorted --list-heading '{{ "./dev TASK, where TASK is one of:\n" }}'

# Install what everything here needs (every other task does this too)
setup:

# Train a digits classifier on spot machines that are refused, reclaimed and killed; show what happened, and its cost
demo *args:
    python examples/digits/demo.py "$@"

# Run all test suites, or those named: ./dev test unit -k fold
test *args:
    @python tools/test.py "$@"

# Check style, types, layout and who imports whom
lint:
    ruff check
    ruff format --check
    pyright
    lint-imports --no-logo
    python tools/check_layout.py
    uv pip check -q

# Measure; one JSON line a figure
bench *args:
    python -m bench "$@"

# Run the control plane in virtual time under faults: ./dev simulate --seeds 100
simulate *args:
    python -m tradewind.simulator "$@"

# Record what services decide in real runs, or take another decision for right: ./dev histories bless NAME --reason WHY
histories *args:
    python -m tests.histories "$@"

# Start the local stack
up *args:
    tw api start "$@"

# Stop the local stack
down *args:
    tw api stop "$@"

# Write again the pages that are made from the code
docs *args:
    python tools/docs.py "$@"

# Pin again what the members ask for (--upgrade takes the newest)
lock *args:
    #!/bin/sh
    set -eu
    pins='--quiet --universal --python-version 3.11 --generate-hashes --no-annotate'
    unpinned=$(sed -n 's/^name = "\(tradewind-.*\)"$/--no-emit-package \1/p' libs/*/pyproject.toml services/*/pyproject.toml)
    uv pip compile $pins $unpinned "$@" --custom-compile-command './dev lock' \
        --all-extras --group dev libs/*/pyproject.toml services/*/pyproject.toml -o requirements.txt
    # Within the bounds that the members put on uv_build, or uv would fetch another build backend.
    echo 'uv>=0.13.9,<0.14' |
        uv pip compile $pins "$@" --custom-compile-command './dev lock' - -o tools/bootstrap.txt
