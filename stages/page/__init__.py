"""The study as one page: its answer, figures, scans, members and provenance."""
