"""What is written out for speed does what the library does."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from tradewind.common.contracts.values import Shape
from tradewind.common.reactor.decision import NAMESPACE, derived_id


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.integers(), min_size=1))
def test_a_derived_id_is_a_uuid5(parts: list[str | int]) -> None:
    assert derived_id(*parts) == str(uuid.uuid5(NAMESPACE, "/".join(map(str, parts))))


def test_a_changed_value_is_as_pydantic_copies_it() -> None:
    shape = Shape(cpus=1.0, accelerator="L4")
    changed, copied = shape.but(cpus=2.0), shape.model_copy(update={"cpus": 2.0})
    assert changed == copied
    assert (shape.cpus, changed.cpus) == (1.0, 2.0)
    assert changed.model_fields_set == copied.model_fields_set
    assert changed.model_dump_json(exclude_unset=True) == copied.model_dump_json(exclude_unset=True)
    assert hash(changed) == hash(copied)
    assert repr(changed.but(accelerator=None)) == repr(copied.model_copy(update={"accelerator": None}))
