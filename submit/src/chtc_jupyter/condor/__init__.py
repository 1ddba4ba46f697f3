"""HTCondor, as the launcher reads and writes it: ads, event logs, submit descriptions, and why a job does not match."""
