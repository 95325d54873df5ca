"""Label maps that others made, or that a command of the user's makes."""
