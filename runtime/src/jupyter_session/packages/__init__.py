"""What pip installs into a session comes back in the next one: as one archive in the notebook folder."""
