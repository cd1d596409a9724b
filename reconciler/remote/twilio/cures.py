"""Map each code that a call to Twilio can end with to its summary and cure; only a table."""

from __future__ import annotations

CURES: dict[str, tuple[str, str]] = {
    "twilio_auth_failed": (
        "Twilio did not accept the credentials",
        "Check that the SID and the key or token belong together, to this account (a subaccount "
        "needs its own) and to this region, and that a restricted key has the permission.",
    ),
    "twilio_invalid_credentials": (
        "Twilio rejected the account or its credentials",
        "Check the account's SID, its key or token (test credentials do not work), and in Twilio's "
        "console that the account is active.",
    ),
    "not_found": (
        "Resource not found on Twilio",
        "It was deleted, or belongs to another account, subaccount or region; `reconciler plan` "
        "shows what is there.",
    ),
    "twilio_wrong_account": (
        "The credentials belong to another Twilio account",
        "Give it credentials of its own: what is in no account's path (trunks, messaging services, "
        "events) is found in the account whose credentials are sent, not in its subaccounts.",
    ),
    "rate_limited": (
        "Too many requests at once for this account",
        "Nothing was carried out by the refused requests. Try again later, or with a lower "
        "--concurrency; other programs of the same account count as well.",
    ),
    "twilio_unavailable": (
        "Twilio unavailable",
        "Look at https://status.twilio.com and run the same command again: nothing is done twice.",
    ),
    "network_error": (
        "Twilio cannot be reached",
        "Check the network, DNS, HTTPS_PROXY and, where it is set, the account's base_url; then "
        "run the same command again.",
    ),
    "unexpected_answer": (
        "Unexpected answer from the server",
        "Check the account's base_url, and whether a proxy or a login page answers in Twilio's "
        "place.",
    ),
    "answer_too_large": (
        "Answer too large",
        "No answer of Twilio is that large: check the account's base_url, and what answers in "
        "Twilio's place.",
    ),
    "endless_listing": (
        "Endless listing",
        "The listing was not used. Run the same command again; if the error persists, check "
        "the account's base_url and what answers in Twilio's place.",
    ),
    "foreign_rows": (
        "Listing with rows of another account",
        "The listing was not used. Check the account's SID and base_url, and whether "
        "something between here and Twilio mixes up accounts.",
    ),
    "inconsistent_listing": (
        "Inconsistent listing",
        "The listing was not used. If somebody is changing these resources just now, run the "
        "same command again afterwards; else check the account's base_url and what answers in "
        "Twilio's place.",
    ),
    "twilio_refused": (
        "Twilio refused the request",
        "Correct what Twilio names in the configuration, then run the same command again.",
    ),
    "trunk_domain_taken": (
        "Trunk domain taken",
        "Domains are unique among all accounts, and that of a deleted trunk stays reserved for up "
        "to 30 days. Choose another `domain`; if it is a trunk of yours in another account, "
        "declare it there.",
    ),
    "trunk_in_use": (
        "Trunk still in use",
        "Something is on it that the plan did not know of: look at the trunk in Twilio's console, "
        "and plan again.",
    ),
    "list_in_use": (
        "List still in use",
        "A trunk or a SIP domain that is not managed here uses it. Remove it there, or leave it there: "
        "`reconciler state rm` with its address forgets the list with its content.",
    ),
    "number_in_service": (
        "Number in another messaging service",
        "A number is in one messaging service at most, and somebody has put it into one since the plan "
        "was made. Plan again.",
    ),
    "number_not_in_service": (
        "Number not in the messaging service",
        "Somebody has taken it out since the plan was made. Plan again.",
    ),
    "messaging_service_full": (
        "Messaging service full",
        "A service takes 400 numbers, unless Twilio has raised its limit. Declare a second service for "
        "some of its numbers, then apply again.",
    ),
    "number_cannot_text": (
        "Number without messages",
        "A messaging service takes only numbers that can send and receive messages: remove "
        "`messaging_service` from the number.",
    ),
    "address_needed": (
        "Address of the owner missing",
        "Nothing was bought or changed. Name the address in `purchase.address` (of a number that you "
        "have: `address`), or a bundle that holds it in `purchase.bundle` (`bundle`), then apply again.",
    ),
    "bundle_needed": (
        "Regulatory bundle missing",
        "Nothing was bought or changed. Name an approved bundle in `purchase.bundle` (of a number that "
        "you have: `bundle`), then apply again.",
    ),
    "identity_needed": (
        "Identity of the owner missing",
        "Nothing was bought or changed. Name the identity in `purchase.identity` (of a number that you "
        "have: `identity`), then apply again.",
    ),
    "timed_out": (
        "Time limit exceeded",
        "Run the same command again, with a longer --timeout where Twilio answers slowly.",
    ),
    "interrupted": ("Interrupted", "Run the same command again to finish."),
}
"""Code → summary and cure. Summaries hold no user data."""
