"""The README and the pages of docs/: what they link to is there, and what they quote is so."""

import re
from pathlib import Path

import pytest

from jupyter_session.condor.connection import render_connect_line

ROOT = Path(__file__).parents[3]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("submit/README.md", "runtime/README.md", "findings/README.md")),
]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def name(page):
    return str(page.relative_to(ROOT))


def prose(page):
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def links(page):
    return _LINK.findall(prose(page))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in links(page):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_the_web_is_encrypted(page):
    assert [target for target in links(page) if target.startswith("http://")] == []


def test_every_page_can_be_reached_from_the_readme():
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = ((page.parent / target.partition("#")[0]).resolve() for target in links(page))
        todo += [target for target in targets if target.suffix == ".md" and target.is_file()]
    assert set((ROOT / "docs").glob("*.md")) | {ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"} <= seen


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


def test_every_file_that_a_page_names_is_there():
    named = re.compile(r"`((?:ci|docs|submit|runtime|tests|findings)/[a-z0-9_./-]*)`")
    missing = [path for page in PAGES for path in named.findall(page.read_text()) if not (ROOT / path).exists()]
    assert missing == []


def test_messages_in_the_ssh_page_are_what_the_code_says():
    theirs = {"No ED25519 host key is known", "is not authorized", "Permission denied (publickey)"}
    table = (ROOT / "docs/ssh.md").read_text().split("## When it doesn't work")[1]
    quoted = set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE))
    assert theirs < quoted
    sources = [path for suffix in (".py", ".sh") for path in (ROOT / "submit/src").rglob(f"*{suffix}")]
    code = "\n".join(path.read_text() for path in (*sources, ROOT / "submit/ssh_config"))
    for message in quoted - theirs:
        for part in re.split(r"\b123\b", message):
            assert part in code, message


@pytest.mark.parametrize("package", ["runtime/src/jupyter_session", "submit/src/chtc_jupyter"])
def test_architecture_names_every_folder_of_the_packages(package):
    text = (ROOT / "docs/architecture.md").read_text()
    folders = [path.parent.name for path in (ROOT / package).glob("*/__init__.py")]
    assert [folder for folder in folders if f"`{folder}/`" not in text] == []


def test_the_fixed_line_in_the_ssh_page_is_the_one_of_the_code():
    line = render_connect_line("alice@ap.example.org", "123")
    assert f"```sh\n{line}\n```" in (ROOT / "docs/ssh.md").read_text(), f"docs/ssh.md should have:\n{line}"
