"""What runs while an image is built, and never in a session."""
