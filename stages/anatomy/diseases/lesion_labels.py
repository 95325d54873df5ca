"""Labels of lesions, and what volumes count them as.

Gliosis and swollen tissue count as the tissue that they were, fluid as fluid, and a mass as none of
the structures.
"""

from stages.anatomy.tissue import CSF, LEFT_TO_RIGHT

WHITE_MATTER, CORTEX = 2, 3

LESION = 78
"""FreeSurfer's white-matter hypointensity on the left; volumes count it as white matter."""
OTHER_LESION = 79
"""The same on the right."""
LESIONS = {LESION: WHITE_MATTER, OTHER_LESION: LEFT_TO_RIGHT[WHITE_MATTER]}
"""Label of a lesion -> label of the tissue it lies in."""

CAVITY = 600
"""The fluid of an infarct, on either side. This id and all below are the study's own."""
WHITE_SCAR = (601, 602)
"""Gliosis around a cavity in white matter, left and right."""
CORTEX_SCAR = (603, 604)
"""The same in cortex."""
CORE, RIM = 610, 611
"""Of a mass, on either side."""
OEDEMA = (612, 613)
"""Swollen white matter, left and right."""
COUNTED_AS = {
    **LESIONS,
    CAVITY: CSF,
    WHITE_SCAR[0]: WHITE_MATTER,
    WHITE_SCAR[1]: LEFT_TO_RIGHT[WHITE_MATTER],
    CORTEX_SCAR[0]: CORTEX,
    CORTEX_SCAR[1]: LEFT_TO_RIGHT[CORTEX],
    CORE: 0,
    RIM: 0,
    OEDEMA[0]: WHITE_MATTER,
    OEDEMA[1]: LEFT_TO_RIGHT[WHITE_MATTER],
}
"""Label of a lesion of any kind -> label that volumes count it as; 0 is none of the structures."""
