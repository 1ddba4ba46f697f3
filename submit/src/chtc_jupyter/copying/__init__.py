"""Files that are copied into a session, out of it, or to the access point: resumed when the way breaks."""
