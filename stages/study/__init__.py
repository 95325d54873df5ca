"""What everything talks about: places, structures, subjects, seeds, errors."""
