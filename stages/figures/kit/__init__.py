"""What figures share: style, rows of dots, planes of a scan."""
