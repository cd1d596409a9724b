// Drives the sandbox with Twilio's Node library, through every route that it serves.
//
// The library is pointed at the sandbox by a request client of its own, which is its documented
// way to change how requests are sent. Arguments: base URL, account SID and auth token.
"use strict";

const assert = require("node:assert/strict");
const twilio = require("twilio");

const [, , base, accountSid, authToken] = process.argv;
const OWNED = "+15552000000";
const COUNTRY = "US";
const URL_ONE = "https://agents.example.com/voice";
const URL_TWO = "https://agents.example.com/other";
const CREDENTIAL_LIST = "CL" + "1".repeat(32);
const ACCESS_LIST = "AL" + "1".repeat(32);

class ToSandbox extends twilio.RequestClient {
  request(options) {
    const { pathname, search } = new URL(options.uri);
    return super.request({ ...options, uri: `${base}${pathname}${search}` });
  }
}

const client = twilio(accountSid, authToken, { httpClient: new ToSandbox() });
const sidsOf = (rows) => rows.map((row) => row.sid);
const ownedNumber = async () =>
  (await client.incomingPhoneNumbers.list({ phoneNumber: OWNED }))[0];

async function useAccount() {
  const accounts = client.api.v2010.accounts;
  const child = await accounts.create({ friendlyName: "child" });
  assert(sidsOf(await accounts.list()).includes(child.sid));
  const renamed = await accounts(child.sid).update({ friendlyName: "renamed" });
  assert.equal(renamed.friendlyName, "renamed");
  assert.equal((await accounts(child.sid).fetch()).ownerAccountSid, accountSid);
  assert.equal((await client.balance.fetch()).currency, "USD");

  const key = await client.newKeys.create({ friendlyName: "ci" });
  assert(key.secret);
  assert(sidsOf(await client.keys.list()).includes(key.sid));
  assert.equal((await client.keys(key.sid).update({ friendlyName: "two" })).friendlyName, "two");
  assert.equal((await client.keys(key.sid).fetch()).friendlyName, "two");
  assert(await client.keys(key.sid).remove());
}

async function useAddresses() {
  const address = await client.addresses.create({
    customerName: "Example Ltd",
    street: "1 High Street",
    city: "London",
    region: "London",
    postalCode: "SW1A 1AA",
    isoCountry: "GB",
  });
  const one = client.addresses(address.sid);
  const number = await ownedNumber();
  await client.incomingPhoneNumbers(number.sid).update({ addressSid: address.sid });
  const dependent = await one.dependentPhoneNumbers.list();
  assert.deepEqual(dependent.map((row) => row.phoneNumber), [OWNED]);
  await client.incomingPhoneNumbers(number.sid).update({ addressSid: "" });
  assert.equal((await one.update({ city: "Leeds" })).city, "Leeds");
  assert.equal((await one.fetch()).customerName, "Example Ltd");
  assert.deepEqual(sidsOf(await client.addresses.list()), [address.sid]);
  assert(await one.remove());
}

async function useNumbers() {
  const owned = client.incomingPhoneNumbers;
  const row = await ownedNumber();
  assert.equal((await owned(row.sid).update({ voiceUrl: URL_ONE })).voiceUrl, URL_ONE);
  assert.equal((await owned(row.sid).fetch()).voiceUrl, URL_ONE);
  assert.equal((await owned.list()).length, 12);
  assert.equal((await owned.local.list()).length, 12);
  assert.deepEqual(await owned.mobile.list(), []);
  assert.deepEqual(await owned.tollFree.list(), []);

  const countries = client.availablePhoneNumbers;
  const codes = (await countries.list()).map((country) => country.countryCode);
  assert(codes.includes(COUNTRY));
  assert.equal((await countries(COUNTRY).fetch()).countryCode, COUNTRY);

  const documents = { bundleSid: "BU" + "1".repeat(32) };
  const [first, second] = await countries(COUNTRY).local.list({ limit: 2 });
  const [free] = await countries(COUNTRY).tollFree.list({ limit: 1 });
  const [mobile] = await countries("GB").mobile.list({ limit: 1 });
  for (const [list, offer, more] of [
    [owned, first, {}],
    [owned.local, second, {}],
    [owned.tollFree, free, {}],
    [owned.mobile, mobile, documents],
  ]) {
    const bought = await list.create({ phoneNumber: offer.phoneNumber, ...more });
    assert.equal(bought.phoneNumber, offer.phoneNumber);
    assert(await owned(bought.sid).remove());
  }
}

async function useApplications() {
  const made = await client.applications.create({ friendlyName: "menu", voiceUrl: URL_ONE });
  const one = client.applications(made.sid);
  assert.equal((await one.update({ voiceUrl: URL_TWO })).voiceUrl, URL_TWO);
  assert.equal((await one.fetch()).friendlyName, "menu");
  assert.deepEqual(sidsOf(await client.applications.list()), [made.sid]);
  assert(await one.remove());
}

async function useSipLists() {
  const lists = client.sip.credentialLists;
  const users = await lists.create({ friendlyName: "pbx" });
  const one = lists(users.sid);
  assert.equal((await one.update({ friendlyName: "office" })).friendlyName, "office");
  assert.equal((await one.fetch()).friendlyName, "office");
  assert(sidsOf(await lists.list()).includes(users.sid));
  const user = await one.credentials.create({ username: "pbx", password: "Correct-Horse-1" });
  const changed = await one.credentials(user.sid).update({ password: "Correct-Horse-2" });
  assert.equal(changed.username, "pbx");
  assert.equal((await one.credentials(user.sid).fetch()).username, "pbx");
  assert.deepEqual(sidsOf(await one.credentials.list()), [user.sid]);
  assert(await one.credentials(user.sid).remove());
  assert(await one.remove());

  const accessLists = client.sip.ipAccessControlLists;
  const networks = await accessLists.create({ friendlyName: "offices" });
  const list = accessLists(networks.sid);
  assert.equal((await list.update({ friendlyName: "sites" })).friendlyName, "sites");
  assert.equal((await list.fetch()).friendlyName, "sites");
  assert(sidsOf(await accessLists.list()).includes(networks.sid));
  const made = { friendlyName: "hq", ipAddress: "203.0.113.1" };
  const address = await list.ipAddresses.create(made);
  const renamed = await list.ipAddresses(address.sid).update({ friendlyName: "two" });
  assert.equal(renamed.friendlyName, "two");
  assert.equal((await list.ipAddresses(address.sid).fetch()).ipAddress, "203.0.113.1");
  assert.deepEqual(sidsOf(await list.ipAddresses.list()), [address.sid]);
  assert(await list.ipAddresses(address.sid).remove());
  assert(await list.remove());
}

async function useSipDomains() {
  const [domain] = await client.sip.domains.list();
  const one = client.sip.domains(domain.sid);
  assert.equal((await one.auth.calls.ipAccessControlListMappings.list()).length, 1);
  assert.deepEqual(await one.auth.calls.credentialListMappings.list(), []);
  assert.deepEqual(await one.auth.registrations.credentialListMappings.list(), []);
  assert.deepEqual(await one.ipAccessControlListMappings.list(), []);
  assert.equal((await one.credentialListMappings.list()).length, 1);
}

async function useCallsAndMessages() {
  const to = "+15550100999";
  const call = await client.calls.create({ to, from: OWNED, url: URL_ONE });
  assert.equal((await client.calls(call.sid).fetch()).to, to);
  const ended = await client.calls(call.sid).update({ status: "completed" });
  assert.equal(ended.status, "completed");
  assert(sidsOf(await client.calls.list()).includes(call.sid));
  assert(await client.calls(call.sid).remove());

  const message = await client.messages.create({ to, from: OWNED, body: "Hello" });
  assert.equal((await client.messages(message.sid).fetch()).body, "Hello");
  assert.equal((await client.messages(message.sid).update({ body: "" })).body, "");
  assert(sidsOf(await client.messages.list()).includes(message.sid));
  assert(await client.messages(message.sid).remove());
}

async function useTrunks() {
  const domainName = "acme-edge.pstn.twilio.com";
  const trunks = client.trunking.v1.trunks;
  const made = await trunks.create({ friendlyName: "Edge", domainName });
  const one = trunks(made.sid);
  assert.equal((await one.update({ secure: true })).secure, true);
  assert.equal((await one.fetch()).domainName, domainName);
  assert.deepEqual(sidsOf(await trunks.list()), [made.sid]);
  const recording = await one.recordings().update({ mode: "record-from-answer" });
  assert.equal(recording.mode, "record-from-answer");
  assert.equal((await one.recordings().fetch()).mode, "record-from-answer");

  const sipUrl = "sip:sbc1.example.com";
  const values = { sipUrl, weight: 10, priority: 10, enabled: true, friendlyName: "one" };
  const url = await one.originationUrls.create(values);
  assert.equal((await one.originationUrls(url.sid).update({ weight: 20 })).weight, 20);
  assert.equal((await one.originationUrls(url.sid).fetch()).weight, 20);
  assert.deepEqual(sidsOf(await one.originationUrls.list()), [url.sid]);
  assert(await one.originationUrls(url.sid).remove());

  const phoneNumberSid = (await ownedNumber()).sid;
  assert.equal((await one.phoneNumbers.create({ phoneNumberSid })).trunkSid, made.sid);
  assert.equal((await one.phoneNumbers(phoneNumberSid).fetch()).phoneNumber, OWNED);
  assert.deepEqual(sidsOf(await one.phoneNumbers.list()), [phoneNumberSid]);
  assert(await one.phoneNumbers(phoneNumberSid).remove());

  const users = one.credentialsLists;
  assert.equal((await users.create({ credentialListSid: CREDENTIAL_LIST })).trunkSid, made.sid);
  assert.equal((await users(CREDENTIAL_LIST).fetch()).friendlyName, "phones");
  assert.equal((await users.list()).length, 1);
  assert(await users(CREDENTIAL_LIST).remove());
  const networks = one.ipAccessControlLists;
  const used = await networks.create({ ipAccessControlListSid: ACCESS_LIST });
  assert.equal(used.trunkSid, made.sid);
  assert.equal((await networks(ACCESS_LIST).fetch()).friendlyName, "branches");
  assert.equal((await networks.list()).length, 1);
  assert(await networks(ACCESS_LIST).remove());

  const routed = client.routes.v2.trunks(domainName);
  assert.equal((await routed.update({ voiceRegion: "ie1" })).voiceRegion, "ie1");
  assert.equal((await routed.fetch()).sipTrunkDomain, domainName);
  assert(await one.remove());
}

async function useServices() {
  const services = client.messaging.v1.services;
  const made = await services.create({ friendlyName: "Alerts" });
  const one = services(made.sid);
  const changed = await one.update({ inboundRequestUrl: URL_ONE });
  assert.equal(changed.inboundRequestUrl, URL_ONE);
  assert.equal((await one.fetch()).friendlyName, "Alerts");
  assert.deepEqual(sidsOf(await services.list()), [made.sid]);
  const phoneNumberSid = (await ownedNumber()).sid;
  assert.equal((await one.phoneNumbers.create({ phoneNumberSid })).phoneNumber, OWNED);
  assert.equal((await one.phoneNumbers(phoneNumberSid).fetch()).sid, phoneNumberSid);
  assert.deepEqual(sidsOf(await one.phoneNumbers.list()), [phoneNumberSid]);
  assert(await one.phoneNumbers(phoneNumberSid).remove());
  for (const [senders, fields] of [
    [one.shortCodes, { shortCodeSid: "SC" + "1".repeat(32) }],
    [one.alphaSenders, { alphaSender: "Acme" }],
    [one.channelSenders, { sid: "XE" + "1".repeat(32) }],
  ]) {
    const sender = await senders.create(fields);
    assert.equal((await senders(sender.sid).fetch()).sid, sender.sid);
    assert.deepEqual(sidsOf(await senders.list()), [sender.sid]);
    assert(await senders(sender.sid).remove());
  }
  assert(await one.remove());
}

async function useTheRest() {
  const routed = client.routes.v2.phoneNumbers(OWNED);
  assert.equal((await routed.update({ voiceRegion: "ie1" })).voiceRegion, "ie1");
  assert.equal((await routed.fetch()).phoneNumber, OWNED);
  const both = client.routes.v3.phoneNumbers(OWNED);
  assert.equal((await both.update({ messagingRegion: "ie1" })).messagingRegion, "ie1");
  assert.equal((await both.fetch()).voiceRegion, "ie1");

  const number = await ownedNumber();
  await client.incomingPhoneNumbers(number.sid).update({ friendlyName: "one" });
  const [event] = await client.monitor.v1.events.list({ limit: 1 });
  assert.equal((await client.monitor.v1.events(event.sid).fetch()).eventType, event.eventType);
  const [alert] = await client.monitor.v1.alerts.list();
  assert.equal((await client.monitor.v1.alerts(alert.sid).fetch()).errorCode, "11200");

  const prices = await client.pricing.v1.phoneNumbers.countries(COUNTRY).fetch();
  assert.equal(prices.isoCountry, COUNTRY);
  const rules = client.numbers.v2.regulatoryCompliance.regulations;
  const [rule] = await rules.list({ isoCountry: "GB" });
  assert.equal((await rules(rule.sid).fetch()).isoCountry, "GB");
}

async function meetARefusal() {
  await assert.rejects(
    client.incomingPhoneNumbers("PN" + "0".repeat(32)).fetch(),
    (error) => error instanceof twilio.RestException && error.status === 404 && error.code === 20404,
  );
}

async function main() {
  const scripts = [
    useAccount,
    useAddresses,
    useNumbers,
    useApplications,
    useSipLists,
    useSipDomains,
    useCallsAndMessages,
    useTrunks,
    useServices,
    useTheRest,
    meetARefusal,
  ];
  for (const script of scripts) {
    await script();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
