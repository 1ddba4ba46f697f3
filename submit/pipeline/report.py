#!/usr/bin/env python3
"""Write a report on the line that the notebook fitted."""

import json
from pathlib import Path

line = json.loads(Path("summary.json").read_text())
Path("report.txt").write_text(
    f"y = {line['slope']:.2f} x + {line['intercept']:.2f}, from {line['count']} measurements\n"
)
