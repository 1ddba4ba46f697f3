"""Addresses for the browser that are good once."""

from chtc_jupyter.proxy.one_time import BRIEF, PREFIX, OneTimeAddresses, Visit


def test_address_is_good_once_and_a_brief_one_for_two_minutes():
    now = [0.0]
    addresses = OneTimeAddresses(lambda: now[0])
    first, late, brief = addresses.give_out(), addresses.give_out(), addresses.give_out(BRIEF)
    assert len({first, late, brief}) == 3
    assert len(first) > len(PREFIX) + 20
    assert addresses.take(first) is Visit.FIRST
    assert addresses.take(first) is Visit.AGAIN
    now[0] = 121.0
    assert addresses.take(brief) is Visit.UNKNOWN
    assert addresses.take(late) is Visit.FIRST
    for guess in (PREFIX, f"{PREFIX}x", PREFIX + first[:-1]):
        assert addresses.take(guess) is Visit.UNKNOWN
