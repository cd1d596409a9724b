"""The independent Twilio with lists, credentials, recording, TwiML applications and numbers to buy.

Paths and errors are those of the documentation. Pages are small, unset fields are null or absent, dates have two
formats, and a trunk does not show its recording.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address

from tests.support.processes.http_server import Body, Call, Refusal, Row
from tests.support.processes.independent_twilio import (
    METHODS,
    IndependentTwilio,
    render_number,
    render_row,
)

HOOKS = ("voice_url", "voice_fallback_url", "sms_url", "sms_fallback_url", "status_callback")
APPLICATION = {
    "".join(w.capitalize() for w in n.split("_")): n for n in ("friendly_name", *HOOKS, *METHODS)
}
MORE = {
    "TransferCallerId": "transfer_caller_id",
    "DisasterRecoveryUrl": "disaster_recovery_url",
    "DisasterRecoveryMethod": "disaster_recovery_method",
}
ADDRESS = {
    "IpAddress": "ip_address",
    "CidrPrefixLength": "cidr_prefix_length",
    "FriendlyName": "friendly_name",
}
STRONG = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{12,}")
_ACCOUNT = r"/2010-04-01/Accounts/(?P<account>AC\w{32})"
_LISTS = r"(?P<kind>IpAccessControlLists|CredentialLists)"
_ITEMS = _ACCOUNT + "/SIP/" + _LISTS + r"/(?P<above>\w{34})/(?P<what>IpAddresses|Credentials)"
_TRUNK = r"/v1/Trunks/(?P<trunk>TK\w{32})"
PREFIX = {"IpAccessControlLists": "AL", "CredentialLists": "CL"}
KEYS = {"IpAccessControlLists": "ip_access_control_lists", "CredentialLists": "credential_lists"}


class IndependentTwilioWithLists(IndependentTwilio):
    """Add everything that belongs to a trunk. Read and change the attributes under `lock`.

    `mapped` are lists that something else than a trunk uses, `passwords` what each credential was last given.
    """

    def __init__(self, *, page_size: int = 3) -> None:
        super().__init__(page_size=page_size)
        self.lists: dict[str, Row] = {}
        self.items: dict[str, Row] = {}
        self.uses: set[tuple[str, str]] = set()
        self.recordings: dict[str, Row] = {}
        self.applications: dict[str, Row] = {}
        self.passwords: dict[str, str] = {}
        self.mapped: set[str] = set()
        self.domains_elsewhere: set[str] = set()
        self.deaf: set[str] = set()

    # what tests do to the world

    def add_list(self, account: str, kind: str, name: str) -> str:
        sid = f"{PREFIX[kind]}{next(self._ids):032x}"
        self.lists[sid] = {"sid": sid, "account_sid": account, "kind": kind, "friendly_name": name}
        return sid

    def add_item(self, above: str, **fields: object) -> str:
        sid = f"{'IP' if above.startswith('AL') else 'CR'}{next(self._ids):032x}"
        self.items[sid] = {
            "sid": sid,
            "account_sid": self.lists[above]["account_sid"],
            "above": above,
            **fields,
        }
        return sid

    def add_trunk(self, account: str, **fields: object) -> str:
        sid = f"TK{next(self._ids):032x}"
        plain = {"friendly_name": None, "domain_name": None, "secure": False}
        self.trunks[sid] = {**plain, **fields, "sid": sid, "account_sid": account}
        return sid

    def add_application(self, account: str, **fields: object) -> str:
        sid = f"AP{next(self._ids):032x}"
        unset = {**dict.fromkeys(HOOKS, ""), **dict.fromkeys(METHODS, "POST")}
        self.applications[sid] = {
            "friendly_name": "",
            **unset,
            **fields,
            "sid": sid,
            "account_sid": account,
        }
        return sid

    def names(self, kind: str = "") -> list[str]:
        return sorted(
            row["friendly_name"] for row in self.lists.values() if row["kind"] == kind or not kind
        )

    # the API

    def carry_out(self, call: Call, account: str) -> tuple[int, Body]:
        for method, pattern, function in _ROUTES:
            match = re.fullmatch(pattern, call.path)
            if match and method == call.method:
                if match.groupdict().get("account", account) != account:
                    raise Refusal(401, 20003, "Authenticate")
                words = {k: v for k, v in match.groupdict().items() if k != "account"}
                return function(self, call, account, **words)
        return super().carry_out(call, account)

    def of_lists(self, call: Call, account: str, kind: str) -> tuple[int, Body]:
        rows = [r for r in self.lists.values() if r["account_sid"] == account and r["kind"] == kind]
        return self._old(KEYS[kind], rows, call)

    def make_list(self, call: Call, account: str, kind: str) -> tuple[int, Body]:
        name = call.form["FriendlyName"]
        if any(
            r["friendly_name"] == name and r["kind"] == kind and r["account_sid"] == account
            for r in self.lists.values()
        ):
            raise Refusal(
                400, 21240 if kind == "CredentialLists" else 21235, "FriendlyName is not unique"
            )
        return 201, _bare(self.lists[self.add_list(account, kind, name)])

    def get_list(self, call: Call, account: str, kind: str, sid: str) -> tuple[int, Body]:
        return 200, _bare(self._owned(self.lists, sid, account))

    def set_list(self, call: Call, account: str, kind: str, sid: str) -> tuple[int, Body]:
        if sid not in self.deaf:
            self._owned(self.lists, sid, account)["friendly_name"] = call.form["FriendlyName"]
        return 200, _bare(self.lists[sid])

    def drop_list(self, call: Call, account: str, kind: str, sid: str) -> tuple[int, Body]:
        self._owned(self.lists, sid, account)
        if sid in self.mapped or any(used == sid for _, used in self.uses):
            raise Refusal(
                400, 21241 if kind == "CredentialLists" else 21236, "The list is still mapped"
            )
        del self.lists[sid]
        self.items = {k: row for k, row in self.items.items() if row["above"] != sid}
        return 204, None

    def of_items(
        self, call: Call, account: str, kind: str, above: str, what: str
    ) -> tuple[int, Body]:
        self._owned(self.lists, above, account)
        key = "ip_addresses" if what == "IpAddresses" else "credentials"
        return self._old(key, [r for r in self.items.values() if r["above"] == above], call)

    def make_item(
        self, call: Call, account: str, kind: str, above: str, what: str
    ) -> tuple[int, Body]:
        self._owned(self.lists, above, account)
        form, there = call.form, [r for r in self.items.values() if r["above"] == above]
        if what == "Credentials":
            if not STRONG.fullmatch(form["Password"]) or form["Username"] in [
                r["username"] for r in there
            ]:
                raise Refusal(400, 21240, "Invalid password, or a user name that is taken")
            sid = self.add_item(above, username=form["Username"])
            self.passwords[sid] = form["Password"]
            return 201, _bare(self.items[sid])
        IPv4Address(form["IpAddress"])
        if form["FriendlyName"] in [r["friendly_name"] for r in there]:
            raise Refusal(400, 21235, "FriendlyName is not unique")
        fields = {ADDRESS[k]: v for k, v in form.items()}
        fields["cidr_prefix_length"] = int(fields.get("cidr_prefix_length", 32))
        return 201, _bare(self.items[self.add_item(above, **fields)])

    def get_item(
        self, call: Call, account: str, kind: str, above: str, what: str, sid: str
    ) -> tuple[int, Body]:
        return 200, _bare(self._owned(self.items, sid, account))

    def set_item(
        self, call: Call, account: str, kind: str, above: str, what: str, sid: str
    ) -> tuple[int, Body]:
        row = self._owned(self.items, sid, account)
        if what == "Credentials":
            if set(call.form) != {"Password"} or not STRONG.fullmatch(call.form["Password"]):
                raise Refusal(400, 21240, "Only the password of a credential can be changed")
            self.passwords[sid] = call.form["Password"]
        elif sid not in self.deaf:
            row |= {
                ADDRESS[k]: int(v) if k == "CidrPrefixLength" else v for k, v in call.form.items()
            }
        return 200, _bare(row)

    def drop_item(
        self, call: Call, account: str, kind: str, above: str, what: str, sid: str
    ) -> tuple[int, Body]:
        del self.items[self._owned(self.items, sid, account)["sid"]]
        return 204, None

    def of_uses(self, call: Call, account: str, trunk: str, kind: str) -> tuple[int, Body]:
        self._owned(self.trunks, trunk, account)
        rows = [
            self.lists[s]
            for t, s in sorted(self.uses)
            if t == trunk and self.lists[s]["kind"] == kind
        ]
        return self._v1(KEYS[kind], [_dated(row) for row in rows], call)

    def make_use(self, call: Call, account: str, trunk: str, kind: str) -> tuple[int, Body]:
        self._owned(self.trunks, trunk, account)
        (sid,) = call.form.values()
        self._owned(self.lists, sid, account)
        if (trunk, sid) in self.uses:
            raise Refusal(400, 21245, "The list is already associated with this trunk")
        self.uses.add((trunk, sid))
        return 201, _dated(_bare(self.lists[sid]))

    def get_use(
        self, call: Call, account: str, trunk: str, kind: str, sid: str
    ) -> tuple[int, Body]:
        if (trunk, sid) not in self.uses:
            raise Refusal(404, 20404, "not found")
        return 200, _dated(_bare(self.lists[sid]))

    def drop_use(
        self, call: Call, account: str, trunk: str, kind: str, sid: str
    ) -> tuple[int, Body]:
        if (trunk, sid) not in self.uses:
            raise Refusal(404, 20404, "not found")
        self.uses.remove((trunk, sid))
        return 204, None

    def get_recording(self, call: Call, account: str, trunk: str) -> tuple[int, Body]:
        self._owned(self.trunks, trunk, account)
        return 200, self.recordings.get(trunk, {"mode": "do-not-record", "trim": "do-not-trim"})

    def set_recording(self, call: Call, account: str, trunk: str) -> tuple[int, Body]:
        said = {name.lower(): value for name, value in call.form.items()}
        self.recordings[trunk] = {**self.get_recording(call, account, trunk)[1], **said}
        return 201 if call.number % 2 else 200, self.recordings[trunk]

    def make_trunk(self, call: Call, account: str) -> tuple[int, Body]:
        if call.form.get("DomainName") in self.domains_elsewhere:
            raise Refusal(400, 21248, "Trunk Domain already taken")
        _, row = self.create_trunk(call, account)
        return self.set_trunk(call, account, str(row["sid"])) if row else (500, None)

    def set_trunk(self, call: Call, account: str, sid: str) -> tuple[int, Body]:
        domain = call.form.get("DomainName")
        taken = self.domains_elsewhere | {
            t.get("domain_name") for k, t in self.trunks.items() if k != sid
        }
        if domain and domain in taken:
            raise Refusal(400, 21248, "Trunk Domain already taken")
        self.update_trunk(call, account, sid)
        self.trunks[sid] |= {MORE[k]: v for k, v in call.form.items() if k in MORE}
        return 200, render_row(self.trunks[sid])

    def drop_trunk(self, call: Call, account: str, sid: str) -> tuple[int, Body]:
        done = self.delete_trunk(call, account, sid)
        self.uses = {use for use in self.uses if use[0] != sid}
        return done

    def of_applications(self, call: Call, account: str) -> tuple[int, Body]:
        return self._old(
            "applications",
            [r for r in self.applications.values() if r["account_sid"] == account],
            call,
        )

    def make_application(self, call: Call, account: str) -> tuple[int, Body]:
        fields = {APPLICATION[k]: v for k, v in call.form.items()}
        return 201, _bare(self.applications[self.add_application(account, **fields)])

    def get_application(self, call: Call, account: str, sid: str) -> tuple[int, Body]:
        return 200, _bare(self._owned(self.applications, sid, account))

    def set_application(self, call: Call, account: str, sid: str) -> tuple[int, Body]:
        self._owned(self.applications, sid, account).update(
            {APPLICATION[k]: v for k, v in call.form.items()}
        )
        return 200, _bare(self.applications[sid])

    def drop_application(self, call: Call, account: str, sid: str) -> tuple[int, Body]:
        del self.applications[self._owned(self.applications, sid, account)["sid"]]
        for row in self.numbers.values():  # Twilio does not say; a number is left with nothing
            for field in ("voice_application_sid", "sms_application_sid"):
                row[field] = "" if row[field] == sid else row[field]
        return 204, None

    def buy(self, call: Call, account: str) -> tuple[int, Body]:
        if call.form["PhoneNumber"] in [r["phone_number"] for r in self.numbers.values()]:
            raise Refusal(400, 21422, "PhoneNumber is not available")
        return 201, render_number(
            self.add_number(
                account,
                call.form["PhoneNumber"],
                voice_url="https://demo.twilio.com/welcome/voice/",
                sms_url="https://demo.twilio.com/welcome/sms/reply/",
            )
        )

    def prices(self, call: Call, account: str, country: str) -> tuple[int, Body]:
        price = {"number_type": "local", "base_price": "1.50", "current_price": "1.15"}
        return 200, {
            "country": country,
            "iso_country": country,
            "price_unit": "USD",
            "phone_number_prices": [price],
        }

    def _old(self, key: str, rows: Iterable[Row], call: Call) -> tuple[int, Body]:
        page, at, following = self._page(list(rows), call)
        return 200, {
            key: [_bare(row) for row in page],
            "page": at,
            "next_page_uri": f"{call.path}?{following}" if following else None,
        }


def _bare(row: Row) -> Row:
    """A row without what is only known inside."""
    return {
        **render_row({k: v for k, v in row.items() if k not in ("kind", "above")}),
        "date_created": "Thu, 30 Jul 2015 23:19:04 +0000",
    }


def _dated(row: Row) -> Row:
    return {
        **{k: v for k, v in row.items() if k not in ("kind", "above")},
        "date_created": "2015-07-30T23:19:04Z",
    }


_ONE_LIST = _ACCOUNT + "/SIP/" + _LISTS + r"/(?P<sid>\w{34})\.json"
_APPLICATIONS = _ACCOUNT + "/Applications"
_ROUTES: list[tuple[str, str, Callable[..., tuple[int, Body]]]] = [
    ("GET", _ACCOUNT + "/SIP/" + _LISTS + r"\.json", IndependentTwilioWithLists.of_lists),
    ("POST", _ACCOUNT + "/SIP/" + _LISTS + r"\.json", IndependentTwilioWithLists.make_list),
    ("GET", _ONE_LIST, IndependentTwilioWithLists.get_list),
    ("POST", _ONE_LIST, IndependentTwilioWithLists.set_list),
    ("DELETE", _ONE_LIST, IndependentTwilioWithLists.drop_list),
    ("GET", _ITEMS + r"\.json", IndependentTwilioWithLists.of_items),
    ("POST", _ITEMS + r"\.json", IndependentTwilioWithLists.make_item),
    ("GET", _ITEMS + r"/(?P<sid>\w{34})\.json", IndependentTwilioWithLists.get_item),
    ("POST", _ITEMS + r"/(?P<sid>\w{34})\.json", IndependentTwilioWithLists.set_item),
    ("DELETE", _ITEMS + r"/(?P<sid>\w{34})\.json", IndependentTwilioWithLists.drop_item),
    ("GET", _TRUNK + "/" + _LISTS, IndependentTwilioWithLists.of_uses),
    ("POST", _TRUNK + "/" + _LISTS, IndependentTwilioWithLists.make_use),
    ("GET", _TRUNK + "/" + _LISTS + r"/(?P<sid>\w{34})", IndependentTwilioWithLists.get_use),
    ("DELETE", _TRUNK + "/" + _LISTS + r"/(?P<sid>\w{34})", IndependentTwilioWithLists.drop_use),
    ("GET", _TRUNK + "/Recording", IndependentTwilioWithLists.get_recording),
    ("POST", _TRUNK + "/Recording", IndependentTwilioWithLists.set_recording),
    ("POST", "/v1/Trunks", IndependentTwilioWithLists.make_trunk),
    ("POST", r"/v1/Trunks/(?P<sid>TK\w{32})", IndependentTwilioWithLists.set_trunk),
    ("DELETE", r"/v1/Trunks/(?P<sid>TK\w{32})", IndependentTwilioWithLists.drop_trunk),
    ("GET", _APPLICATIONS + r"\.json", IndependentTwilioWithLists.of_applications),
    ("POST", _APPLICATIONS + r"\.json", IndependentTwilioWithLists.make_application),
    (
        "GET",
        _APPLICATIONS + r"/(?P<sid>AP\w{32})\.json",
        IndependentTwilioWithLists.get_application,
    ),
    (
        "POST",
        _APPLICATIONS + r"/(?P<sid>AP\w{32})\.json",
        IndependentTwilioWithLists.set_application,
    ),
    (
        "DELETE",
        _APPLICATIONS + r"/(?P<sid>AP\w{32})\.json",
        IndependentTwilioWithLists.drop_application,
    ),
    ("POST", _ACCOUNT + r"/IncomingPhoneNumbers\.json", IndependentTwilioWithLists.buy),
    ("GET", r"/v1/PhoneNumbers/Countries/(?P<country>[A-Z]{2})", IndependentTwilioWithLists.prices),
]
