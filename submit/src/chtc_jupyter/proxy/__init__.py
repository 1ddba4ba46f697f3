"""The launcher's local port, which keeps the browser's address while the connection underneath is replaced."""
