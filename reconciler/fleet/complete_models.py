"""Build the validators of all sections of a configuration, once imported.

Models build them at their first use, so that a single command starts soon. The server that forks the
processes of a fleet imports this module instead: each process then saves 25 ms of its 80 ms.
"""

from __future__ import annotations

from collections.abc import Iterator

import reconciler.config.load.load
import reconciler.config.sections.platform
import reconciler.config.sections.trunk  # noqa: F401 - each defines models
from reconciler.config.sections.fields import Section


def _find_models(base: type[Section]) -> Iterator[type[Section]]:
    """Yield all models that have been defined."""
    for model in base.__subclasses__():
        yield model
        yield from _find_models(model)


for each in set(_find_models(Section)):
    each.model_rebuild()
