"""Define `reconciler lint`: print warnings, remarks and policy violations of a valid configuration
(exit 4 for errors), or the list of lint rules.
"""

from __future__ import annotations

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.errors import Exit
from reconciler.report.documents.listings import lint_document, rules_document
from reconciler.workflows import authoring


@click.command()
@click.option("--strict", is_flag=True, help="Exit 4 for warnings as well.")
@click.option("--rules", is_flag=True, help="List all rules and their purpose.")
@click.option(
    "--check-webhook-rules",
    is_flag=True,
    help="Also read the rules of Twilio's webhook configuration; needs credentials.",
)
@common_options
def lint(shared: CommonOptions, strict: bool, rules: bool, check_webhook_rules: bool) -> int:
    """Show problems of a valid configuration: the warnings of `validate`, further remarks, and
    policy violations. The findings are the data of this command and go to stdout.

    Disable or raise a rule in the file (`lint: {disable: [RULE], level: {RULE: error}}`), and
    disable it for one line with the comment `# reconciler: ignore[RULE]`. `lint` reads files only,
    except with `--check-webhook-rules`. Exit 4 when a rule of
    level error or a policy is violated, 3 when the configuration is invalid, else 0.
    """
    if rules:
        emit(shared, rules_document())
        return Exit.DONE
    options = shared.run_options("lint", QuietProgress(shared))
    found = authoring.lint(options, check_webhook_rules=check_webhook_rules)
    document = lint_document(found)
    emit(shared, document)
    refused = document.summary["errors"] or (strict and document.summary["warnings"])
    return Exit.REFUSED if refused else Exit.DONE
