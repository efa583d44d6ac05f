"""Trains a classifier of handwritten digits, an epoch at a time, and goes on from the last checkpoint if
there is one.

The checkpoint is written aside and renamed, so that a kill at any moment leaves the old one or the new one,
whole. On SIGTERM, which comes before a spot machine is taken away, the epoch is ended and saved.
"""

import os
import pickle
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

EPOCHS = int(os.environ.get("EPOCHS", "200"))
CHECKPOINT = Path(os.environ.get("CHECKPOINT_DIR", ".")) / "digits.ckpt"
SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
ATTEMPT = os.environ.get("TRADEWIND_ATTEMPT", "-")
SEED = 7
REPORT = 10
SAVE_EVERY = int(os.environ.get("SAVE_EVERY", "25"))


def shifted(images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Five of each: as it is, and moved by a pixel each way."""
    square = images.reshape(-1, 8, 8)
    moved: list[np.ndarray] = [np.roll(square, shift, axis=(1, 2)) for shift in SHIFTS]
    return np.concatenate(moved).reshape(-1, 64), np.tile(targets, len(SHIFTS))


def load_checkpoint() -> tuple[int, MLPClassifier] | None:
    if not CHECKPOINT.exists():
        return None
    saved: dict[str, Any] = pickle.loads(CHECKPOINT.read_bytes())
    return saved["epoch"], saved["model"]


def save_checkpoint(epoch: int, model: MLPClassifier) -> None:
    CHECKPOINT.parent.mkdir(parents=True, exist_ok=True)
    draft = CHECKPOINT.with_name(f"{CHECKPOINT.name}.{os.environ.get('TRADEWIND_FENCE', os.getpid())}")
    draft.write_bytes(pickle.dumps({"epoch": epoch, "model": model}))
    draft.replace(CHECKPOINT)


class Told:
    """Whether somebody has asked this process to end."""

    def __init__(self) -> None:
        self.to_end = False
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, *_: object) -> None:
        self.to_end = True


def end_as_told() -> None:
    """By the signal itself: an exit code of 0 would say that the training is through."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    told = Told()
    digits: Any = load_digits()
    parts: Any = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target
    )
    train_x, test_x, train_y, test_y = parts
    train_x, train_y = shifted(train_x, train_y)
    resumed = load_checkpoint()
    if resumed is None:
        first, model = 1, MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.002, random_state=SEED)
        print(f"attempt {ATTEMPT}: training from scratch", flush=True)
    else:
        first, model = resumed[0] + 1, resumed[1]
        print(f"attempt {ATTEMPT}: resuming after epoch {resumed[0]}", flush=True)
    order = np.random.default_rng(SEED + first)
    for epoch in range(first, EPOCHS + 1):
        began = time.perf_counter()
        mixed = order.permutation(len(train_x))
        model.partial_fit(train_x[mixed], train_y[mixed], classes=np.arange(10))
        if epoch % SAVE_EVERY == 0 or told.to_end:
            save_checkpoint(epoch, model)
        if told.to_end:
            print(f"saved after epoch {epoch}: this machine is being taken away", flush=True)
            end_as_told()
        took = time.perf_counter() - began
        if epoch % REPORT == 0 or epoch == first:
            print(f"epoch {epoch}/{EPOCHS} loss {model.loss_:.4f} ({took:.2f} s an epoch)", flush=True)
    print(f"accuracy {model.score(test_x, test_y):.4f} on {len(test_x)} images never seen", flush=True)


if __name__ == "__main__":
    main()
