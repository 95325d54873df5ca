"""The strict schema of params.yaml: a module a section, so that a stage depends on its own."""
