"""Whether a session goes on: the idle culler, the deadlines, the extension, and how long it was idle."""
