"""The Jupyter server extension, the only part that runs inside JupyterLab's process."""
