"""The test bed: an HTCondor pool of three hosts on one machine, and what is run on it."""
