"""Prometheus's own tool takes the alert rules, and they fire when they should."""

import subprocess

import pytest

from support.hosts import ROOT
from testbed.artifacts import promtool

ALERTS = ROOT / "submit/monitoring/alerts.yml"
#: What is written stays as it is for an hour: old numbers, and so many failed sessions beside ten good ones.
FIRES = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'chtc_jupyter_read_timestamp_seconds{{instance="ap"}}', values: '0x60'}}
      - {{series: 'chtc_jupyter_ends{{instance="ap", user="alice", end="failed"}}', values: '{failed}x60'}}
      - {{series: 'chtc_jupyter_ends{{instance="ap", user="bob", end="idle stop"}}', values: '10x60'}}
    alert_rule_test:
      - eval_time: 20m
        alertname: JupyterMetricsStale
      - eval_time: 50m
        alertname: JupyterMetricsStale
        exp_alerts: [{{exp_labels: {{severity: warning, instance: ap}}, exp_annotations: {{summary: "{old}"}}}}]
      - eval_time: 50m
        alertname: JupyterSessionsFailing
        exp_alerts: [{fails}]
"""
OLD = "The JupyterLab metrics of ap are more than 30 minutes old. Check the timer that runs chtc-jupyter admin."
FAILS = (
    '{exp_labels: {severity: warning, instance: ap}, exp_annotations: {summary: "8 JupyterLab sessions on ap failed, '
    'more than one in five. Run condor_history -af JupyterReason to see why."}}'
)


def run(*argv):
    done = subprocess.run([promtool.get(), *argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_alert_rules_are_rules():
    assert "6 rules found" in run("check", "rules", str(ALERTS))


@pytest.mark.parametrize(("failed", "fails"), [(1, ""), (8, FAILS)])
def test_alerts_fire_when_they_should(tmp_path, failed, fails):
    tests = tmp_path / "tests.yml"
    tests.write_text(FIRES.format(rules=ALERTS, failed=failed, old=OLD, fails=fails))
    run("test", "rules", str(tests))
