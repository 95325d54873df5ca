"""The study for others to load: maps of uncertainty and tables, as one BIDS derivative."""
