"""The analysis on generated cohorts whose truth is known."""
