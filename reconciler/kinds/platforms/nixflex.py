"""Describe Nixflex: settings and possible calls; sends nothing. It imports Twilio numbers with the
account's auth token; another agent needs a new import.
"""

from __future__ import annotations

from reconciler.kinds.platforms.kind import ALL_PARTS, PlatformKind, api_key, base_url

NIXFLEX = PlatformKind(
    type="nixflex",
    model_name="Nixflex",
    title="Nixflex",
    summary="Nixflex.",
    settings=(api_key("API key, as KEY_ID:KEY_SECRET."), base_url("https://api.nixflex.com")),
    api_host="api.nixflex.com",
    webhook_domains=("nixflex.com",),
    can=frozenset({"list", "create", "delete"}),
    serves=frozenset({"number"}),
    overwrites=ALL_PARTS,
    replaces=("agent",),
    needs_token=True,
    both_ways=True,
    pages=True,
)
