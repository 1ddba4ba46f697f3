"""`python -m chtc_jupyter` is `chtc-jupyter`."""

from chtc_jupyter.cli import main

main()
