"""The strict schema of params.yaml: one module a section, so that a stage depends on its own only."""
