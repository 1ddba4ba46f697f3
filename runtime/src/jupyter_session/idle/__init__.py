"""Whether a session goes on: the idle culler, the deadlines, and how long nothing worked."""
