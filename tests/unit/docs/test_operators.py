"""docs/operators.md names what the operators' tools print and what the files of submit/ set."""

import re
from pathlib import Path

from chtc_jupyter.admin import report, usage
from chtc_jupyter.admin.account import Account

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/operators.md").read_text()


def test_example_of_admin_has_the_columns_of_the_table():
    header = next(line for line in PAGE.splitlines() if line.startswith("USER  "))
    everyone = Account()
    columns = [str(column.header) for column in report.build_table({}, everyone).columns]
    assert re.split(r"  +", header) == columns


def test_every_end_is_explained():
    row = next(line for line in PAGE.splitlines() if line.startswith("| ENDED |"))
    assert set(re.findall(r"`([a-z ]+)`", row)) >= set(usage.ENDS)


def test_every_alert_is_listed():
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "submit/monitoring/alerts.yml").read_text())
    assert re.findall(r"^\| `(Jupyter\w+)` \|", PAGE, re.MULTILINE) == alerts


def test_every_setting_of_the_operators_files_is_explained():
    files = sorted((ROOT / "submit/operators").glob("*.conf"))
    assert [path.name for path in files if path.name not in PAGE] == []
    names = re.findall(r"^((?:MAX|STARTER)_\w+) =", "".join(path.read_text() for path in files), re.MULTILINE)
    assert names
    assert [name for name in names if name not in PAGE] == []
