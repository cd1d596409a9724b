"""Policies and resources in, what does not fit out; checked in a process of its own that is ended at a deadline.

A JSON Schema comes from a file that anybody may propose. A regular expression in it, or references that double, can
take years, and nothing can interrupt a regular expression in its own thread: only another process can be ended.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

DEADLINE = 4.0
"""Seconds for a few resources; each further check adds a little, for 100,000 numbers take a minute."""
PER_CHECK = 0.0005
LONGEST = 60.0
"""Seconds for all checks: many policies times many resources would be given hours."""
LARGEST_SCHEMA = 1 << 18
"""Characters of a schema as JSON."""
MOST_FAULTS = 100
"""So many faults of a resource are reported, and no more are looked for."""
MOST_FAULTS_IN_ALL = 10_000
"""So many are reported of all resources. A small file can have one policy for each of thousands of pairs."""
_MEMORY = 1 << 31
_START = (
    "import json, sys\nsys.path[:] = json.loads(sys.argv[1])\n"
    "from reconciler.config.lint.policy_process import serve\nserve(sys.argv[2])"
)


class Answer(NamedTuple):
    """What was found: (policy, resource, path, keyword) of each fault, and by policy why it cannot be used."""

    faults: list[tuple[int, int, tuple[Any, ...], str]]
    unusable: dict[int, str]


def evaluate(
    schemas: Sequence[Mapping[str, Any]],
    documents: Sequence[Mapping[str, Any]],
    pairs: Sequence[Sequence[int]],
) -> Answer:
    """Check for each schema the documents of these indexes."""
    request = json.dumps({"schemas": schemas, "documents": documents, "pairs": pairs}, default=str)
    deadline = min(DEADLINE + PER_CHECK * sum(map(len, pairs)), LONGEST)
    # Not from the current folder, which belongs to the configuration; the environment holds secrets it does not need.
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
        ended = True
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        ended = False
    return _answer(out, ended and process.returncode == 0)


def _answer(out: str, ended: bool) -> Answer:
    answer, last = Answer([], {}), -1
    for line in out.splitlines():
        try:
            message = json.loads(line)
        except ValueError:  # the line that was written when the process was ended
            continue
        if "begin" in message:
            last = message["begin"]
        elif "unusable" in message:
            answer.unusable[message["policy"]] = message["unusable"]
        else:
            policy, resource, path, keyword = message["fault"]
            answer.faults.append((policy, resource, tuple(path), keyword))
    if not ended:
        reason = "Its schema takes too much time or memory to check, such as for a regular expression that tries "
        answer.unusable[max(last, 0)] = reason + "every split of a text. Write a simpler one."
    return answer


def serve(seconds: str) -> None:
    """Answer one request; runs in the process of its own."""
    _limit(float(seconds))
    request = json.loads(sys.stdin.read())
    left = MOST_FAULTS_IN_ALL
    for policy, schema in enumerate(request["schemas"]):
        _say({"begin": policy})
        # Once the report is full, a policy is only asked whether it can be used at all.
        pairs = request["pairs"][policy] if left > 0 else ()
        try:
            for fault in islice(_check(schema, request["documents"], pairs), left):
                _say({"fault": (policy, *fault)})
                left -= 1
        except Exception as error:  # noqa: BLE001 - whatever a hostile schema provokes is a fault of the schema
            _say({"policy": policy, "unusable": _reason(error)})


def _say(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _limit(seconds: float) -> None:
    """End this process by itself as well, should the one that started it be gone."""
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
        return f"This is no JSON Schema (draft 2020-12): `{path}` is not as it must be."
    if isinstance(error, RecursionError):
        return "Its schema refers to itself without an end. Remove the `$ref` that leads back to where it stands."
    return f"Its schema cannot be evaluated ({type(error).__name__}): correct its `$id`, `$ref` and patterns."
