"""The HTML report of the study: its answers, figures, scans, members and provenance."""
