"""Synthetic weeks of use, and the rules that end an idle session, replayed on them."""
