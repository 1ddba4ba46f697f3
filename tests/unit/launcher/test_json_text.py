"""JSON that others have written: whatever it is, it costs one error at most."""

import pytest

from chtc_jupyter.json_text import load_json
from chtc_jupyter.ssh.agent_client import _parse_answer


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "", "{", "nan,"])
def test_what_is_no_json_or_too_deep_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"nested too deeply|Expecting"):
        load_json(text)
    assert _parse_answer(text.encode()) is None


def test_other_json_is_read():
    assert load_json('{"a": [1, null]}') == {"a": [1, None]}
