"""Rearrange the command line before click parses it: move leading flags behind the command's name,
and complete a bare `--allow-takeover` to all addresses.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

_OPTIONAL_VALUE = {"--allow-takeover": "*"}
"""Options that may be given bare; a value needs ``=``, so that the next word is never swallowed."""


class AnywhereGroup(click.Group):
    """A group whose commands accept their flags before the command's name as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move leading flags that are not the group's own behind the command they belong to."""
        own = _own(self)

        # To know which flags take a value means importing every command, which `--help` must not
        # do.
        if args and args[0].startswith("-") and args[0] not in own:
            args = move_flags_behind_command(args, own, _with_value(self, ctx))
        return super().parse_args(ctx, args)


def complete_arguments(args: Sequence[str]) -> list[str]:
    """Replace a bare ``--allow-takeover`` by its meaning: all addresses."""
    return [f"{arg}={_OPTIONAL_VALUE[arg]}" if arg in _OPTIONAL_VALUE else arg for arg in args]


def move_flags_behind_command(
    args: Sequence[str], own: set[str], with_value: set[str]
) -> list[str]:
    """Turn ``--json -C dir plan x`` into ``plan --json -C dir x``; flags of the group itself stay
    in front.
    """
    staying: list[str] = []
    moved: list[str] = []
    rest = list(args)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        flag = rest.pop(0)
        target = staying if flag in own else moved
        target.append(flag)
        if flag in with_value and rest:
            target.append(rest.pop(0))

    if not rest:
        return [*staying, *moved]
    return [*staying, rest[0], *moved, *rest[1:]]


def _own(group: click.Group) -> set[str]:
    return {"--help", "-h"} | {flag for param in group.params for flag in _flags(param)}


def _with_value(group: click.Group, ctx: click.Context) -> set[str]:
    """Return the flags of all commands that take the next word as their value."""
    flags: set[str] = set()
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            flags |= _with_value(command, ctx)
        for param in command.params if command else ():
            if isinstance(param, click.Option) and not param.is_flag and not param.count:
                flags |= set(_flags(param)) - _OPTIONAL_VALUE.keys()
    return flags


def _flags(param: click.Parameter) -> Sequence[str]:
    return [*param.opts, *param.secondary_opts] if isinstance(param, click.Option) else []
