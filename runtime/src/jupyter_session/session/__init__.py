"""The session itself: the verb `run`, the supervisor, its watchdog, its reports, and its receipt."""
