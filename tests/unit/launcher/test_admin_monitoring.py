"""What operators copy is of one piece with what `admin` writes: the alerts, the dashboard, the text itself."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from chtc_jupyter.admin.account import Account
from chtc_jupyter.admin.prometheus import Accounts, write_metrics
from chtc_jupyter.admin.usage import ENDS, STATES
from chtc_jupyter.errors import UsageError

MONITORING = Path(__file__).parents[3] / "submit/monitoring"
USERS = {
    "alice": Account(
        sessions=3, gpus=2, seconds=7200, gpu_seconds=14400, idle_seconds=60, saved_seconds=10,
        states=Counter(ready=1), ends=Counter({"idle stop": 2}),
    ),
    'od"d\\ name\n': Account(sessions=1, seconds=1),
}  # fmt: skip
ACCOUNTS = Accounts(USERS, now=1_700_000_000, window=86400)


def written():
    registry = CollectorRegistry()
    registry.register(ACCOUNTS)
    return {family.name: family for family in text_string_to_metric_families(generate_latest(registry).decode())}


def test_the_text_is_parsed_with_help_and_type_and_every_number_in_it():
    families = written()
    assert all(family.type == "gauge" and family.documentation for family in families.values())
    values = {(s.name, *sorted(s.labels.items())): s.value for family in families.values() for s in family.samples}
    assert values["chtc_jupyter_sessions", ("state", "ready"), ("user", "alice")] == 1
    assert values["chtc_jupyter_ends", ("end", "idle stop"), ("user", "alice")] == 2
    assert values["chtc_jupyter_gpu_seconds", ("user", "alice")] == 14400
    assert values["chtc_jupyter_slot_seconds", ("user", 'od"d\\ name\n')] == 1
    assert values["chtc_jupyter_window_seconds",] == 86400


def test_a_file_that_can_not_be_written_is_one_sentence_and_leaves_nothing(tmp_path):
    with pytest.raises(UsageError, match="can't be written: No such file or directory"):
        write_metrics(tmp_path / "no" / "a.prom", ACCOUNTS)
    write_metrics(tmp_path / "a.prom", ACCOUNTS)
    write_metrics(tmp_path / "a.prom", ACCOUNTS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.prom"]


@pytest.mark.parametrize("name", ["alerts.yml", "dashboard.json"])
def test_alerts_and_dashboard_speak_of_what_is_written(name):
    text = (MONITORING / name).read_text().replace('\\"', '"')
    assert set(re.findall(r"\bchtc_jupyter_\w+", text)) <= set(written())
    assert set(re.findall(r'\bstate="([^"]*)"', text)) <= set(STATES)
    assert set(re.findall(r'\bend="([^"]*)"', text)) <= set(ENDS)


def test_grafanas_own_types_take_the_dashboard_whole():
    given = json.loads((MONITORING / "dashboard.json").read_text())
    taken = json.loads(JSONEncoder().encode(Dashboard.from_json(given)))
    assert holds(taken, given)
    assert len({panel["id"] for panel in given["panels"]}) == len(given["panels"])


def holds(found, wanted):
    """Return True if all that is wanted is found; the types add what was left out."""
    if isinstance(wanted, dict):
        return all(name in found and holds(found[name], value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(holds, found, wanted))
    return found == wanted


def test_the_dashboard_shows_every_number_that_is_written():
    shown = (MONITORING / "dashboard.json").read_text()
    missing = {name for name in written() if name not in shown}
    assert missing == {"chtc_jupyter_window_seconds"}
