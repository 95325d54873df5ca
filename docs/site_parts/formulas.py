"""Formulas as MathML, which browsers draw without a script."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.writers.html5 import HTML5Translator

STYLE = "overflow: auto hidden; padding: 0.4em 0"


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line; raise `SkipNode`, as nothing of it is left to write."""
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on lines of its own; raise `SkipNode`, as nothing of it is left to write."""
    formula = tex2mathml(node.astext(), as_block=True)
    writer.body.append(f'<div class="math" style="{STYLE}">{formula}</div>')
    raise nodes.SkipNode
