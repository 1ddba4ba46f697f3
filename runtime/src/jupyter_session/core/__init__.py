"""What the supervisor is built on: the event loop, the session's clock, the shutdown deadline."""
