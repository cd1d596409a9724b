"""Define `reconciler graph`: print the declared call routes as Mermaid, DOT or JSON, from the
configuration alone, without Twilio.
"""

from __future__ import annotations

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import format_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.report.documents.call_graph import build_graph as draw
from reconciler.report.documents.listings import graph_document
from reconciler.report.formats import graph as graph_formats
from reconciler.workflows.validate import validate


@click.command()
@format_options("mermaid", "dot", "json")
def graph(shared: CommonOptions) -> int:
    """Draw number → route → agent, trunk, application → host, from the configuration alone.

    --format is mermaid (the default), dot or json. More than three numbers with the same route are
    one node. Agents and trunks that nothing refers to are marked as unused. Routes that lead back
    to their start are marked as loops: a bridge number that rings the agent it should relieve, or a
    trunk that sends its calls to another declared trunk.
    """
    found = draw(validate(shared.run_options("graph", QuietProgress(shared))))
    if shared.format == "json":
        emit(shared, graph_document(found))
    else:
        click.echo(
            (graph_formats.dot if shared.format == "dot" else graph_formats.mermaid)(found),
            nl=False,
        )
    return 0
