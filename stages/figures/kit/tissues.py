"""The tissue class of every structure, and how figures show it."""

TISSUES = {
    "White matter, brainstem": ("white_matter", "cerebellum_white_matter", "brainstem"),
    "Cortex": ("cortex", "cerebellum_cortex"),
    "Ventricles, CSF": ("lateral_ventricle", "third_ventricle", "fourth_ventricle", "csf"),
}
DEEP = "Deep grey matter"
# colours that the colour-blind tell apart: Okabe and Ito 2008, https://jfly.uni-koeln.de/color
LOOKS = {
    "White matter, brainstem": ("#E69F00", "o"),
    "Cortex": ("#000000", "s"),
    DEEP: ("#009E73", "^"),
    "Ventricles, CSF": ("#56B4E9", "D"),
}
"""Tissue class -> its colour and marker."""


def tissue(structure: str) -> str:
    """Return the tissue class of a structure; what is not listed is deep grey matter."""
    return next((name for name, own in TISSUES.items() if structure in own), DEEP)
