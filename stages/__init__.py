"""Scripts (stage scripts) and rooms (packages) of the study."""
