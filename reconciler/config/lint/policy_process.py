"""Evaluate policies in a separate process that is killed at a deadline.

A JSON Schema comes from a file that anybody can propose in a pull request. A regular expression in
it, or references that double, can run for years, and Python cannot interrupt a regular expression
in its own thread: only a process can be killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

DEADLINE = 4.0
"""Seconds for a few resources. Each check adds `PER_CHECK`: 100,000 numbers take a minute."""
PER_CHECK = 0.0005
LONGEST = 60.0
"""The most seconds for all checks: many policies times many resources would add up to hours."""
LARGEST_SCHEMA = 1 << 18
"""Characters of a schema as JSON."""
MOST_FAULTS = 100
"""The number of faults per resource after which the search stops."""
MOST_FAULTS_IN_ALL = 10_000
"""The number of faults of all resources after which the search stops."""
_MEMORY = 1 << 31
_START = (
    "import json, sys\nsys.path[:] = json.loads(sys.argv[1])\n"
    "from reconciler.config.lint.policy_process import serve\nserve(sys.argv[2])"
)


class Answer(NamedTuple):
    """The faults as (policy, resource, path, keyword), and by policy the reason why it is unusable."""

    faults: list[tuple[int, int, tuple[Any, ...], str]]
    unusable: dict[int, str]


def evaluate(
    schemas: Sequence[Mapping[str, Any]],
    documents: Sequence[Mapping[str, Any]],
    pairs: Sequence[Sequence[int]],
) -> Answer:
    """Check for each schema the documents at these indexes."""
    request = json.dumps({"schemas": schemas, "documents": documents, "pairs": pairs}, default=str)
    deadline = min(DEADLINE + PER_CHECK * sum(map(len, pairs)), LONGEST)

    # Import nothing from the current folder, which belongs to the configuration, and pass no
    # environment: it holds secrets.
    path = json.dumps([each for each in sys.path if each])
    command = [sys.executable, "-I", "-c", _START, path, str(deadline)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        encoding="utf-8",
    )

    try:
        out, _ = process.communicate(request, timeout=deadline)
        completed = True
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        completed = False
    return _read_answer(out, completed and process.returncode == 0)


def _read_answer(out: str, completed: bool) -> Answer:
    """Read the messages of the process, also those of one that was killed."""
    answer, last = Answer([], {}), -1
    for line in out.splitlines():
        try:
            message = json.loads(line)
        except ValueError:  # an incomplete last line of a killed process
            continue
        if "begin" in message:
            last = message["begin"]
        elif "unusable" in message:
            answer.unusable[message["policy"]] = message["unusable"]
        else:
            policy, resource, path, keyword = message["fault"]
            answer.faults.append((policy, resource, tuple(path), keyword))

    # The process announces each policy before it evaluates it, so the last one is the cause.
    if not completed:
        answer.unusable[max(last, 0)] = (
            "Its schema takes too much time or memory to check, for example because of a regular "
            "expression that tries every split of a text. Write a simpler one."
        )
    return answer


def serve(seconds: str) -> None:
    """Answer one request; runs in the separate process."""
    _limit_resources(float(seconds))
    request = json.loads(sys.stdin.read())
    left = MOST_FAULTS_IN_ALL
    for policy, schema in enumerate(request["schemas"]):
        _send({"begin": policy})
        # Once the report is full, only check whether each further schema is valid.
        pairs = request["pairs"][policy] if left > 0 else ()
        try:
            for fault in islice(_check(schema, request["documents"], pairs), left):
                _send({"fault": (policy, *fault)})
                left -= 1
        except Exception as error:  # noqa: BLE001 - a hostile schema can cause any error
            _send({"policy": policy, "unusable": _reason(error)})


def _send(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _limit_resources(seconds: float) -> None:
    """Limit CPU time and memory, in case the parent process dies and cannot kill this one."""
    try:
        import resource
    except ImportError:  # Windows
        return

    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 2, int(seconds) + 2))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _check(
    schema: Mapping[str, Any], documents: Sequence[Any], chosen: Sequence[int]
) -> Iterator[tuple[int, tuple[Any, ...], str]]:
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    Draft202012Validator.check_schema(schema)
    # An empty registry fetches nothing: a `$ref` out of the schema is unresolvable.
    validator = Draft202012Validator(schema, registry=Registry())

    for index in chosen:
        try:
            errors = list(islice(validator.iter_errors(documents[index]), MOST_FAULTS))
        except Unresolvable:
            yield index, (), "$ref"
            continue
        for error in sorted(errors, key=lambda error: [*map(str, error.absolute_path)]):
            yield index, tuple(error.absolute_path), str(error.validator)


def _reason(error: Exception) -> str:
    from jsonschema import SchemaError

    if isinstance(error, SchemaError):
        path = "/".join(map(str, error.absolute_path)) or "the schema"
        return f"This is not a valid JSON Schema (draft 2020-12): `{path}` is invalid."
    if isinstance(error, RecursionError):
        return (
            "Its schema refers to itself without end. Remove the `$ref` that points back to itself."
        )
    name = type(error).__name__
    return f"Its schema cannot be evaluated ({name}): correct its `$id`, `$ref` and patterns."
