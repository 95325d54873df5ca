"""Parts of a page that a command writes, between two comments of HTML."""


def markers(name: str) -> tuple[str, str]:
    """Return the comments before and behind a part."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def inserted(text: str, name: str, part: str) -> str:
    """Return a page with a part between its markers, in place of what stood there."""
    begin, end = markers(name)
    before, rest = text.split(begin, 1)
    _, after = rest.split(end, 1)
    return f"{before}{begin}\n{part}\n{end}{after}"
