"""The figures of the study: one file a picture, listed in `catalogue`."""
