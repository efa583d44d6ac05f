"""The garbage collector of a long-lived process that keeps many small frozen values."""

import gc

YOUNG, OLD, OLDEST = 50_000, 20, 50


def tune_collector() -> None:
    """Call it once everything is imported.

    A leader keeps its living rows in memory: hundreds of thousands of frozen values that are not garbage.
    With the
    default thresholds a third of a run of 2,000 jobs was spent looking through them again and again
    (`gc.callbacks`); so modules are set aside for good, and a whole collection comes rarely. What a batch
    leaves
    behind is freed by reference counts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLD, OLDEST)
