"""Keeps the output of notebooks whose browser is away: records it beside the browser, and writes it into the file."""
