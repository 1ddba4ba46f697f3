"""docs/reference.md says what the code does."""

import re

import pytest

from chtc_jupyter.commands import config
from jupyter_session import settings
from jupyter_session.condor.attributes import End, SessionTimes, State, build_attributes
from jupyter_session.condor.connection import Connection
from support import reference

PAGE = reference.PAGE.read_text()


def section(title):
    """Return the text below a heading, up to the next one."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_column(text):
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def test_generated_tables_are_as_the_code_has_them():
    assert reference.render(PAGE) == PAGE, "the code has changed: run python tests/support/reference.py"


def test_page_has_every_generated_table():
    assert set(reference.names(PAGE)) == set(reference.TABLES)


@pytest.mark.parametrize("setting", settings.TABLE, ids=lambda setting: setting.name)
def test_every_setting_is_listed_with_its_default_and_help(setting):
    row = f"| `{setting.flag} {setting.metavar}` | `{setting.attribute}` | {setting.default or '-'} | {setting.help} |"
    assert row in section("Settings of a session")


def test_every_verb_of_both_programs_is_listed():
    rows = first_column(PAGE)
    verbs = [*reference.session_verbs(), *reference.launcher_verbs()]
    assert [verb for verb in verbs if not any(f"{row} ".startswith(f"{verb} ") for row in rows)] == []


def test_every_key_of_config_is_listed():
    assert set(config.KEYS) <= set(re.findall(r"`(\w+)`", section("`chtc-jupyter`: commands on the laptop")))


def test_every_state_is_explained():
    assert first_column(section("States")) == [state.value for state in State]


def test_every_attribute_is_explained():
    connection = Connection(port=1, host="h", token="t", job="1.0", access_point="a@b")
    times = SessionTimes(idle_seconds=0, deadline=None)
    published = build_attributes(State.READY, "", None, connection, times=times)
    assert set(first_column(section("Job attributes and events"))) == set(published)


def test_every_kind_of_end_is_listed():
    row = next(line for line in PAGE.splitlines() if line.startswith("| `JupyterEnd`"))
    assert {end.value for end in End} <= set(re.findall(r"`(\w+)`", row))
