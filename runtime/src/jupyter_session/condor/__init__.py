"""What joins a session to HTCondor: its ads, its attributes and events, and chirp."""
