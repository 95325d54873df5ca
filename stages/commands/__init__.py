"""What a user runs that is no stage: `python -m stages COMMAND`."""
