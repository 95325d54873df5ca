"""Stage scripts, and the packages that they import."""
