#!/usr/bin/env python3
"""Generate measurements: a line with noise."""

import csv
import random
from pathlib import Path

noise = random.Random(1)  # noqa: S311 - not a secret
with Path("measurements.csv").open("w", newline="") as table:
    rows = csv.writer(table)
    rows.writerow(["x", "y"])
    rows.writerows([x, round(2 * x + 1 + noise.gauss(0, 0.5), 3)] for x in range(100))
