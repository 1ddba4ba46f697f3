"""The control socket, through which the user's commands talk to the supervisor: server, client, and protocol."""
