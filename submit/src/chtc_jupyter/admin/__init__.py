"""Reports for a pool's operators: everyone's sessions, now and in history, from job ads alone."""
