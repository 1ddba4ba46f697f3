"""What the launcher and the scripts of jupyter.dag both know of HTCondor: its numbers, its event log, its holds.

The scripts are copied to an access point as one folder of plain files, the launcher is a wheel. This package lies in
that folder, where the scripts find it beside them, and the launcher's wheel includes it (see pyproject.toml): the same
files, without a copy. Python 3.9, the standard library alone.
"""
