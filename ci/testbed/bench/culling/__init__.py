"""Simulate weeks of use, and replay on them the rules that end an idle session."""
