"""A study of images or volumes from elsewhere alone, in a folder of its own."""
