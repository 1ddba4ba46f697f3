"""JupyterLab: its process, its configuration and API, its kernels, and our server extension."""
