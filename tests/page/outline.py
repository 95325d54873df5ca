"""What an HTML page holds, read with the standard library's parser."""

from html.parser import HTMLParser

VOID = {"img", "meta", "link", "br", "hr", "input"}


class Outline(HTMLParser):
    """Headings, images, links and identifiers of a page; faults in the nesting of its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.images: list[dict[str, str | None]] = []
        self.targets: list[str] = []
        self.anchors: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        known = dict(attrs)
        self.tags.append(tag)
        if tag[0] == "h" and tag[1:].isdigit():
            self.levels.append(int(tag[1:]))
        if tag == "img":
            self.images.append(known)
        self.targets += [str(known[k]) for k in ("src", "href") if k in known and tag != "a"]
        if tag == "a":
            self.anchors.append(str(known["href"]))
        if "id" in known:
            self.ids.append(str(known["id"]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note that a tag ends, which must be the last that began."""
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")
