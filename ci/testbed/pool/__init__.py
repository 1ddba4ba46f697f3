"""The pool: three hosts in namespaces of one machine, with HTCondor and Apptainer."""
