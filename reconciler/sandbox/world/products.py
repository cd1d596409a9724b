"""Collect all products of the sandbox: the shelves in the order in which a seed is read, and all
routes.

A further resource is one module with a shelf and routes, and a line in each of the two lists.
"""

from __future__ import annotations

from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.platforms import registry
from reconciler.sandbox.store import Section
from reconciler.sandbox.twilio import (
    account_api,
    alerts,
    applications,
    events,
    for_sale,
    inbound_regions,
    key_api,
    messaging_api,
    messaging_senders,
    number_api,
    phone_calls,
    phone_messages,
    postal_addresses,
    prices,
    regulations,
    sip_domains,
    sip_list_api,
    trunk_api,
    trunk_lists,
    trunk_numbers,
    webhook_rules,
)
from reconciler.sandbox.twilio.accounts import ACCOUNTS, API_KEYS
from reconciler.sandbox.twilio.messaging import SERVICES
from reconciler.sandbox.twilio.numbers import NUMBERS
from reconciler.sandbox.twilio.sip_lists import (
    ACCESS_LISTS,
    ADDRESSES,
    CREDENTIAL_LISTS,
    CREDENTIALS,
)
from reconciler.sandbox.twilio.trunks import ORIGINATION_URLS, TRUNKS

SHELVES: tuple[Section, ...] = (
    ACCOUNTS,
    API_KEYS,
    applications.APPLICATIONS,
    CREDENTIAL_LISTS,
    CREDENTIALS,
    ACCESS_LISTS,
    ADDRESSES,
    sip_domains.SIP_DOMAINS,
    TRUNKS,
    ORIGINATION_URLS,
    NUMBERS,
    SERVICES,
    messaging_senders.SHORT_CODES,
    messaging_senders.ALPHA_SENDERS,
    messaging_senders.CHANNEL_SENDERS,
    inbound_regions.INBOUND_REGIONS,
    inbound_regions.TRUNK_REGIONS,
    phone_calls.PHONE_CALLS,
    phone_messages.MESSAGES,
    postal_addresses.POSTAL_ADDRESSES,
    events.EVENTS,
    alerts.ALERTS,
    webhook_rules.WEBHOOK_SETTINGS,
    webhook_rules.WEBHOOK_RULES,
    *registry.SHELVES,
)
ROUTES: tuple[Route, ...] = (
    *account_api.ROUTES,
    *key_api.ROUTES,
    *postal_addresses.ROUTES,
    *number_api.ROUTES,
    *applications.ROUTES,
    *sip_list_api.ROUTES,
    *sip_domains.ROUTES,
    *phone_calls.ROUTES,
    *phone_messages.ROUTES,
    *trunk_api.ROUTES,
    *trunk_numbers.ROUTES,
    *trunk_lists.ROUTES,
    *messaging_api.ROUTES,
    *messaging_senders.ROUTES,
    *inbound_regions.ROUTES,
    *events.ROUTES,
    *alerts.ROUTES,
    *prices.ROUTES,
    *for_sale.ROUTES,
    *regulations.ROUTES,
    *webhook_rules.ROUTES,
    *registry.ROUTES,
)
