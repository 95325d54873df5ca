"""What all tests share: the same examples every time, and the environment of a user's shell."""

import os

from hypothesis import settings

# a suite that decides about a change must give the same answer twice; a busy machine is no failure
settings.register_profile("study", derandomize=True, deadline=None)
settings.load_profile("study")

# scripts that the tests start write no byte code into the tree
os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
