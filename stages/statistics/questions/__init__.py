"""One question a module: its metrics file and its table."""
