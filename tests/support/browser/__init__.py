"""A real browser, and JupyterLab in it."""
