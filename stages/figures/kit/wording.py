"""The words of studies that start elsewhere: no k-space was sampled, and no network trained."""

import re

from matplotlib.figure import Figure
from matplotlib.text import Text

from stages.figures.kit.facts import Facts

ELSEWHERE = (
    (r"fully[ -]sampled", "reference"),
    (r"Fully[ -]sampled", "Reference"),
    (r"\ban architecture", "a group"),
    (r"\barchitecture", "group"),
    (r"\bArchitecture", "Group"),
    (r"\bnetworks\b", "groups"),
    (r"measured scans", "measured elsewhere"),
)
"""What is said of networks and k-space -> of images and volumes from elsewhere."""


def worded(text: str, facts: Facts) -> str:
    """Return a text in the words of the study."""
    if facts.trained:
        return text
    for pattern, word in ELSEWHERE:
        text = re.sub(pattern, word, text)
    return text


def reworded(figure: Figure, facts: Facts) -> Figure:
    """Return a figure whose lettering is in the words of the study."""
    for found in [] if facts.trained else figure.findobj(Text):
        if isinstance(found, Text):
            was, text = found.get_text(), worded(found.get_text(), facts)
            if text != was:  # to set a text fixes the ticks of an axis
                found.set_text(text)
    return figure
