"""The documents that are made from the code, a function for each: what the code knows is written down only once.

UPDATE_GOLDEN=1 pytest tests/docs/test_generated.py      # writes them anew, and the files in schemas/
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from reconciler.cli.main import main
from reconciler.config.sections.schema import config_schema
from reconciler.schemas import SCHEMAS
from tests.docs.reference import Reference, row

ROOT = Path(__file__).resolve().parents[2]

CONFIGURATION = """\
# Configuration reference

<!-- Made from the configuration's model by tests/docs/generate.py; to change it, change the model. -->

Every field of the configuration. The [guide](../how-to/configuration-guide.md) explains how the parts work together; an editor
that reads JSON Schema checks and completes the file when its first line is

```yaml
# yaml-language-server: $schema=<path or URL of schemas/config.schema.json>
```

Each field may also be written in camelCase (`friendlyName`); two spellings of one field in one place are an error, and
so is a key that is not listed here. *Not in this version*: the field is understood and refused with

## Top of the file

The sections may be spread over several files by `include`; `version` and `project` must be in one of them.

"""

COMMANDS = """\
# Commands

<!-- Made from the command line itself by tests/docs/generate.py; to change it, change the help texts. -->

Options may come before or after the command. A command prints its data on stdout and everything else (diagnostics,
progress, questions) on stderr. It asks only on a terminal.

With `--json`, stdout is one JSON document, also when the command fails (but for wrong usage of the command line):
`format_version`, `command`, `summary`, `diagnostics` and the command's own data. The schemas are in
[`schemas/`](../../schemas), and `reconciler schema NAME` prints them.

"""

ENVIRONMENT = """\
## Environment

| Variable | Meaning |
| --- | --- |
| `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`, `TWILIO_API_KEY`, `TWILIO_API_SECRET`, `TWILIO_REGION`, `TWILIO_EDGE`, \
`TWILIO_BASE_URL` | The account `default` of a configuration that declares no `accounts`; ignored otherwise. |
| what `{env: NAME}` names | A secret. |
| `AWS_…`, `GOOGLE_…`, `AZURE_…`, `PG…`, `TF_HTTP_…` | Credentials and addresses of \
[the store of the state](../explanation/state.md#where-it-is), as its vendor names them. |
| `CI_API_V4_URL`, `CI_JOB_TOKEN` | In a GitLab job: access to a state that is kept there. |
| `NO_COLOR`, `TERM=dumb` | No colour. |
| `HTTPS_PROXY`, `NO_PROXY` | The proxy to Twilio. |
| `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` | Trusted certificates in place of the system's. |

"""

REPORTING = """\
`validate`, `plan`, `apply`, `drift` and `show` of a saved plan know more formats; [reports](reports.md) tells what each
is for.

"""

PLANNING = """\
`plan`, `apply`, `drift`, `rollback`, `undo` and `release` also take these. Only commands that write lock the state.

`--target` and `--exclude` take an address (`number/+15550100101`; in a glob `*` matches any text, `/` too), a number
in E.164 or a SID. `agent/NAME` and `label:KEY=VALUE` mean the numbers that declare that agent or label, and those for
which state has recorded it. All but an address include the number's registration on its platform. `--target` also takes
in what the targets depend on. A pattern that matches nothing is exit 64.

"""

EXAMPLES = {
    "validate": "reconciler validate\nreconciler validate -C stacks/emea --json\n"
    "reconciler validate --format github                   # annotations at the lines of the files",
    "plan": "reconciler plan\n"
    "reconciler plan --out plan.bin --detailed-exitcode    # in a pull request\n"
    "reconciler plan --report markdown=plan.md --report html=plan.html\n"
    "reconciler plan --target 'number/+1555*' --exclude number/+15550100109\n"
    "reconciler plan --target agent/support --target label:team=sales",
    "apply": "reconciler apply                                      # asks\n"
    "reconciler apply plan.bin                             # the plan that was reviewed\n"
    "reconciler apply --auto-approve --allow-takeover=number/+15550100102\n"
    "reconciler apply --auto-approve --lock-timeout 5m     # wait for another run",
    "drift": "reconciler drift --json\nreconciler drift --report junit=drift.xml",
    "fleet init": "reconciler fleet init --account-sid ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "fleet validate": "reconciler fleet validate",
    "fleet plan": "reconciler fleet plan --parallel 8\n"
    "reconciler fleet plan --stack 'customers/a*' --report html=fleet.html",
    "fleet apply": "reconciler fleet apply --auto-approve",
    "fleet drift": "reconciler fleet drift --json",
    "fleet list": "reconciler fleet list --no-refresh",
    "fleet status": "export RECONCILER_QUEUE='postgresql://fleet@db.example.com/fleet?sslmode=require'\n"
    "reconciler fleet status                               # the last runs\n"
    "reconciler fleet status 12 --report html=fleet.html   # the stacks of a run",
    "fleet cancel": "reconciler fleet cancel 12",
    "worker": "reconciler worker -C stacks --queue 'postgresql://fleet@db.example.com/fleet?sslmode=require'\n"
    "reconciler worker --parallel 8 --schedule '17 * * * *'   # and check all stacks each hour\n"
    "reconciler worker --only plan --only drift             # applies nothing",
    "list": "reconciler list --agent support --label team=sales\n"
    "reconciler list --drifted --json\n"
    "reconciler list --unmanaged                           # on Twilio, and not declared here",
    "log": "reconciler log --since 30d\n"
    "reconciler log +15550100101                           # also a SID or an address",
    "show": "reconciler show plan.bin\nreconciler show agent/support\nreconciler show bridge_number/+15550100200",
    "state list": "reconciler state list",
    "state show": "reconciler state show number/+15550100101\nreconciler state show trunk/edge --json",
    "init": "reconciler init                                       # asks\n"
    "reconciler init --project acme-voice --account-sid ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --from-account",
    "export": "reconciler export --out reconciler.yaml             # the TWILIO_* variables say whose account\n"
    "reconciler export --account main --prefix +1555 --friendly-name 'Sales*' --out numbers/sales.yaml",
    "numbers search": "reconciler numbers search --country US --area-code 415\n"
    "reconciler numbers search --country GB --type mobile --contains '+447700' --json\n"
    "reconciler numbers search --country GB --write numbers.yaml --agent support",
    "fmt": "reconciler fmt\nreconciler fmt --check --diff          # in CI\nreconciler fmt numbers/uk.yaml",
    "graph": "reconciler graph > calls.mmd\nreconciler graph --format dot | dot -Tsvg > calls.svg\n"
    "reconciler graph --json",
    "lint": "reconciler lint\nreconciler lint --strict --json             # in CI\nreconciler lint --rules",
    "explain": "reconciler explain agent_not_found\nreconciler explain 4 --json             # an exit code\n"
    "reconciler explain --list",
    "mcp": "reconciler mcp -C stacks/emea                     # an MCP client starts it",
    "completion": "reconciler completion bash > ~/.local/share/bash-completion/completions/reconciler\n"
    "reconciler completion fish > ~/.config/fish/completions/reconciler.fish",
    "rollback": "reconciler rollback --to 12 --dry-run                 # look first\n"
    "reconciler rollback --to 12\n"
    "reconciler rollback --to 2026-03-01T12:00:00Z --out back.bin   # review it, then: reconciler apply back.bin",
    "release": "reconciler release +15550100101 --dry-run\n"
    "reconciler release number/+15550100101 bridge_number/+15550100200 --clear",
    "undo": "reconciler undo --dry-run\nreconciler undo",
    "state mv": "reconciler state mv trunk/edge trunk/edge-eu --dry-run",
    "state rm": "reconciler state rm number/+15550100101 --dry-run",
    "state pull": "reconciler state pull > state.bin\nreconciler state pull --serial 12",
    "state push": "reconciler state push state.bin --dry-run",
    "state history": "reconciler state history",
    "state repair": "reconciler state repair --dry-run",
    "state unlock": "reconciler state unlock\nreconciler state unlock --force",
    "schema": "reconciler schema\nreconciler schema --list\nreconciler schema plan",
    "sandbox": "reconciler sandbox --numbers 10000\n"
    "reconciler sandbox --seed world.json --fault rate_limit:every=10 --latency 50",
    "demo": "reconciler demo --pace 2",
    "doctor": "reconciler doctor\nreconciler doctor --json    # in CI, before the first apply",
}


def configuration() -> str:
    """docs/reference/configuration.md: every field, from the JSON Schema of the configuration."""
    schema = config_schema()
    reference = Reference(schema)
    top = reference.table(schema["properties"], ["version", "project"], "")
    return (
        CONFIGURATION
        + "\n".join([*top, "", "## Sections", "", *reference.sections()]).rstrip()
        + "\n"
    )


def commands() -> str:
    """docs/reference/commands.md: every command with its options, from click."""
    leaves = dict(_leaves(main, ""))
    shared = _options_of(leaves["state list"])
    reporting = [option for option in _options_of(leaves["validate"]) if option not in shared]
    planning = [
        option for option in _options_of(leaves["drift"]) if option not in [*shared, *reporting]
    ]
    parts = [
        COMMANDS,
        *_exit_codes(),
        ENVIRONMENT,
        "## Common options\n\n",
        *_table(leaves["state list"], shared),
    ]
    parts += ["\n", REPORTING, *_table(leaves["validate"], [["--format"], *reporting])]
    parts += ["\n", PLANNING, *_table(leaves["drift"], planning), "\n"]
    for name, command in leaves.items():
        parts += _command(name, command, [*shared, *reporting, *planning])
    return "".join(parts).rstrip() + "\n"


def command_names() -> list[str]:
    """Every command that can be typed, `state list` among them."""
    return [name for name, _ in _leaves(main, "")]


def schema(name: str) -> str:
    """schemas/NAME.schema.json."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def _schema_file(name: str) -> Callable[[], str]:
    return lambda: schema(name)


DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/reference/configuration.md": configuration,
    "docs/reference/commands.md": commands,
    **{f"schemas/{name}.schema.json": _schema_file(name) for name in SCHEMAS},
}


def _exit_codes() -> Iterator[str]:
    """The table of the README: it stands there for all who look no further."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^\| exit \|.*?(?=\n\n)", readme, re.MULTILINE | re.DOTALL)
    assert found is not None, "README.md has the table of exit codes"
    yield f"## Exit codes\n\n{found[0]}\n\n"


def _leaves(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{prefix}{name} ")
        elif command is not None:
            yield f"{prefix}{name}", command


def _options_of(command: click.Command) -> list[list[str]]:
    return [option.opts for option in command.params if isinstance(option, click.Option)]


def _command(name: str, command: click.Command, elsewhere: list[list[str]]) -> Iterator[str]:
    arguments = [_argument(param) for param in command.params if isinstance(param, click.Argument)]
    yield f"## `reconciler {' '.join([name, *arguments])}`\n\n"
    yield f"{_help(command)}\n\n```sh\n{EXAMPLES[name]}\n```\n\n"
    own = [option for option in _options_of(command) if option not in elsewhere]
    table = list(_table(command, own))
    yield from [*table, "\n"] if table else ()
    if elsewhere[0] in _options_of(command):
        also = " and those of commands that plan" if ["--target"] in _options_of(command) else ""
        yield f"Takes the [common options](#common-options){also}.\n\n"


def _help(command: click.Command) -> str:
    """The help text; what click is told not to wrap is shown as it is."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(
        f"```text\n{p[2:]}\n```" if p.startswith("\b\n") else p.replace("``", "`")
        for p in paragraphs
    )


def _table(command: click.Command, wanted: list[list[str]]) -> Iterator[str]:
    options = [
        p
        for p in command.params
        if isinstance(p, click.Option) and p.opts in wanted and not p.hidden
    ]
    if options:
        yield row("Option", "Meaning") + "\n" + row("---", "---") + "\n"
    for option in options:
        yield row(_usage(option), " ".join(_meaning(option))) + "\n"


def _meaning(option: click.Option) -> Iterator[str]:
    yield option.help or ""
    if option.show_default and option.default is not None:
        yield f"Default: `{option.default}`."
    if option.multiple and "epeatable" not in (option.help or ""):
        yield "Repeatable."


def _usage(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    if option.is_flag or option.count:
        return names
    metavar = option.metavar or _metavar(option.type)
    return f"{names[:-1]}{'' if metavar.startswith('[') else ' '}{metavar}`"


def _metavar(kind: click.ParamType[Any]) -> str:
    match kind:
        case click.Choice():
            return "|".join(kind.choices)
        case click.Path():
            return "FILE"
        case _:
            return "N"


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"
