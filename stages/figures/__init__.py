"""The figures of the study: one module a figure, from tables and arrays to a drawing."""
