"""What the launcher and the scripts of jupyter.dag both know about HTCondor: its numbers, its event log, its holds.

The scripts are copied to an access point as one folder of plain files, and the launcher is a wheel. This package is in
that folder, where the scripts find it beside them. The launcher's wheel includes the same files, without a copy (see
submit/pyproject.toml). Python 3.9, the standard library alone.
"""
