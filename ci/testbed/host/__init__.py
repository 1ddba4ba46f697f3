"""What the test bed needs of the machine that it runs on: packages, the kernel, a cache, locks, processes."""
