"""The control socket, by which the user's commands talk to the supervisor."""
