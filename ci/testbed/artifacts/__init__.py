"""What takes long to make and is kept: the image, the launcher, the tests' Python, programs that tests need."""
