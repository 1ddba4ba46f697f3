"""The commands and options that the pages name are those of the programs."""

import re
from pathlib import Path

import pytest

from support import reference

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
#: Options of other programs that the pages name.
OTHERS = {
    "--against",
    "--kind",
    "--foreground",
    "--preserve-credentials",
    "--all",
    "--build-arg",
    "--build-arg-file",
    "--data-raw",
    "--help",
    "--extra-index-url",
    "--find-links",
    "--index-url",
    "--socket",
    "--version",
}


def name(page):
    return str(page.relative_to(ROOT))


def code(page):
    return "\n".join(_CODE.findall(page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_a_page_names_exists(page):
    text = code(page)
    assert set(re.findall(r"\bchtc-jupyter ([a-z][a-z-]*)", text)) <= {
        verb.split()[0] for verb in reference.launcher_verbs()
    }
    named = re.findall(r"(?<!no )\bjupyter-session ([a-z]+)\b", text)  # a message begins "There is no jupyter-session"
    assert set(named) <= set(reference.session_verbs())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_option_that_a_page_names_exists(page):
    launcher = {
        flag
        for verb in reference.launcher_verbs().values()
        for parameter in verb.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    session = {flag for parser in reference.session_verbs().values() for flag in parser._option_string_actions}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", code(page))) <= launcher | session | OTHERS
