"""Durations, sizes, and names: how a person writes them and reads them."""
