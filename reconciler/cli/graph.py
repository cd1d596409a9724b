"""`reconciler graph`."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, formatted
from reconciler.cli.output import emit
from reconciler.cli.progress import Quiet


@click.command(short_help="Draw how calls reach whom, as declared; needs no credentials.")
@formatted("mermaid", "dot", "json")
def graph(shared: Common) -> int:
    """Draw number → route → agent, trunk, application → host, from the configuration alone.

    --format is mermaid (the default), dot or json. More than three numbers that go the same way are one node. Agents
    and trunks that nobody uses are marked as unused; ways that lead back to where they came from as loops, such as a
    bridge number that rings the agent it should relieve, or a trunk that sends its calls to a trunk of ours.
    """
    from reconciler import workflows
    from reconciler.report import as_graph
    from reconciler.report.build import graph_document
    from reconciler.report.graph import graph as draw

    found = draw(workflows.validate(shared.setting("graph", Quiet(shared))))
    if shared.format == "json":
        emit(shared, graph_document(found))
    else:
        click.echo((as_graph.dot if shared.format == "dot" else as_graph.mermaid)(found), nl=False)
    return 0
