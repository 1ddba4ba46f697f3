"""What people see of their session inside JupyterLab, on a page without it, and in a terminal."""
