"""The statistics of the study: pure functions on arrays and tidy tables, without any network."""
