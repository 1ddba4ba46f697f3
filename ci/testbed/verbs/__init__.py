"""The verbs: a module for each ``ci/VERB``, with ``main(arguments) -> exit status``."""
