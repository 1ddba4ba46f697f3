"""Files that are copied into the running session, and out of it, by `chtc-jupyter cp`."""
