"""Define `reconciler explain`: print why a code occurs, what to do, an example and the next command."""

from __future__ import annotations

import re

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.explanations import find_explanation, load_explanations, suggest_codes
from reconciler.report.documents.explain import explain_document
from reconciler.report.wording import printable


@click.command()
@click.argument("code", required=False)
@click.option("--list", "listed", is_flag=True, help="Only list the codes.")
@common_options
def explain(shared: CommonOptions, code: str | None, listed: bool) -> int:
    """Explain CODE, the code of a diagnostic, of a lint rule, or an exit code: why it occurs, what
    to do, an example and the next command. Reads no configuration.
    """
    if listed == bool(code):
        raise click.UsageError("Give one CODE, such as `agent_not_found` or `4`, or --list.")
    if code is None:
        emit(shared, explain_document(None, list(load_explanations())))
        return 0

    explanation = find_explanation(code)
    if explanation is None:
        raise click.UsageError(
            f"No such code '{printable(code[:80])}'. {_describe_near_codes(code)}"
        )
    emit(shared, explain_document(explanation))
    return 0


def _describe_near_codes(word: str) -> str:
    if re.fullmatch(r"[0-9]{5}", word):
        return f"That looks like Twilio's: https://www.twilio.com/docs/api/errors/{word}"
    near = [f"`{code}`" for code in suggest_codes(word)]
    if not near:
        return "`reconciler explain --list` lists them all."
    return f"Did you mean {' or '.join(near)}?"
