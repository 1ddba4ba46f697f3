"""SSH into a session: an SSH server for one connection."""
