"""What a pool's operators see: everyone's sessions, now and in history, from job ads alone."""
