"""What figures share: facts, words, style, rows of dots, planes of a scan."""
