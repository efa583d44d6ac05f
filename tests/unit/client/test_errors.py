"""What an error says."""

from tradewind.client.errors import Refused


def test_a_field_is_named_once() -> None:
    assert str(Refused("write 5m", status=422, field="lasts_s")) == "lasts_s: write 5m"
    assert str(Refused("lasts_s: write 5m", status=422, field="lasts_s")) == "lasts_s: write 5m"
    assert str(Refused("there is no such job", status=404)) == "there is no such job"
