"""Durations, times, sizes, and names: how people write and read them."""
