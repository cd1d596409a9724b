"""Render a call graph as Mermaid or DOT, with escaped labels."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.documents.call_graph import Edge, Graph, Node, NodeKind

_MERMAID: dict[NodeKind, tuple[str, str]] = {
    "number": ("([", "])"),
    "bridge_number": ("([", "])"),
    "agent": ("[", "]"),
    "trunk": ("[[", "]]"),
    "application": ("[/", "/]"),
    "messaging_service": (">", "]"),
    "platform": ("{{", "}}"),
    "host": ("(", ")"),
    "sip_host": ("(", ")"),
}
_DOT: dict[NodeKind, str] = {
    "number": "oval",
    "bridge_number": "oval",
    "agent": "box",
    "trunk": "box3d",
    "application": "parallelogram",
    "messaging_service": "note",
    "platform": "hexagon",
    "host": "component",
    "sip_host": "component",
}
_WORDS: dict[NodeKind, str] = {
    "number": "",
    "bridge_number": "bridge",
    "agent": "agent",
    "trunk": "trunk",
    "application": "application",
    "messaging_service": "messaging service",
    "platform": "platform",
    "host": "",
    "sip_host": "sip",
}


def mermaid(graph: Graph) -> str:
    """Render a graph as a Mermaid flowchart, as GitHub and GitLab show it."""
    ids = {node.id: f"n{place}" for place, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        opening, closing = _MERMAID[node.kind]
        mark = ":::loop" if node.loop else ":::orphan" if node.orphan else ""
        lines.append(f'  {ids[node.id]}{opening}"{_for_mermaid(_label(node))}"{closing}{mark}')
    for edge in graph.edges:
        lines.append(f"  {ids[edge.source]} {_arrow(edge)} {ids[edge.target]}")

    # Mermaid styles a line by its position among all lines.
    loops = [str(place) for place, edge in enumerate(graph.edges) if edge.loop]
    if loops:
        lines.append(f"  linkStyle {','.join(loops)} stroke:#d1242f,stroke-width:2px")
    lines.append("  classDef orphan stroke:#9a6700,stroke-dasharray:5 5")
    lines.append("  classDef loop stroke:#d1242f,stroke-width:2px")
    return "\n".join(lines) + "\n"


def _arrow(edge: Edge) -> str:
    return f'-->|"{_for_mermaid(edge.label)}"|' if edge.label else "-->"


def dot(graph: Graph) -> str:
    """Render a graph for Graphviz."""
    return "\n".join(["digraph calls {", "  rankdir=LR;", *_dot_lines(graph), "}"]) + "\n"


def _dot_lines(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        style = ', color="red"' if node.loop else ', style="dashed"' if node.orphan else ""
        yield f"  {_for_dot(node.id)} [label={_for_dot(_label(node))}, shape={_DOT[node.kind]}{style}];"
    for edge in graph.edges:
        style = ', color="red"' if edge.loop else ""
        yield f"  {_for_dot(edge.source)} -> {_for_dot(edge.target)} [label={_for_dot(edge.label)}{style}];"


def _label(node: Node) -> str:
    marks = [word for word, there in (("unused", node.orphan), ("loop", node.loop)) if there]
    words = f"{_WORDS[node.kind]} {node.label}".strip()
    return f"{words} ({', '.join(marks)})" if marks else words


def _for_mermaid(text: str) -> str:
    """Escape every character that Mermaid or HTML could interpret."""
    return "".join(c if c.isalnum() or c in " +-_.,:/()@" else f"#{ord(c)};" for c in text)


def _for_dot(text: str) -> str:
    clean = "".join(c if c.isprintable() else " " for c in text)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
