// Drives the sandbox with Twilio's command-line client, through every route that it serves.
//
// One process runs all commands: to start the client takes a second or two. `loopback.js` must be
// loaded with `--require`. The credentials are in the environment.
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");

const root = path.dirname(require.resolve("twilio-cli/package.json"));
const requireFromClient = (name) => require(require.resolve(name, { paths: [root] }));
const { Config } = requireFromClient("@oclif/core");
const { configureEnv, services } = requireFromClient("@twilio/cli-core");
configureEnv();

const OWNED = "+15552000000";
const COUNTRY = "US";
const URL_ONE = "https://agents.example.com/voice";
const URL_TWO = "https://agents.example.com/other";
const CREDENTIAL_LIST = "CL" + "1".repeat(32);
const ACCESS_LIST = "AL" + "1".repeat(32);

// Each command of the client copies the documents of all products, which takes most of its time.
// They are only read, so all commands of this process share one copy.
const browser = services.TwilioApi.TwilioApiBrowser.prototype;
const loadDomains = browser.loadDomains;
let domains;
browser.loadDomains = function loadDomainsOnce(spec) {
  domains = domains || loadDomains.call(this, spec);
  return domains;
};

let config;

// Runs one command, such as `api:core:calls:list`, and returns the rows that it prints.
async function run(command, flags = {}) {
  const words = Object.entries(flags).map(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
  // A removal prints no rows.
  const output = command.endsWith(":remove") ? [] : ["-o", "json"];

  let printed = "";
  const write = process.stdout.write;
  process.stdout.write = (text) => {
    printed += text;
    return true;
  };
  try {
    await config.runCommand(command, [...words.flat(), ...output]);
  } catch (error) {
    error.message = `${command}: ${error.message}`;
    throw error;
  } finally {
    process.stdout.write = write;
  }
  return printed ? JSON.parse(printed) : [];
}

async function one(command, flags) {
  const [row] = await run(command, flags);
  return row;
}

const sidsOf = (rows) => rows.map((row) => row.sid);
const ownedNumber = () => one("api:core:incoming-phone-numbers:list", { "phone-number": OWNED });

// Creates a resource, changes, fetches, lists and removes it. `above` are the flags of its parent.
async function useAll(topic, { above = {}, made, changed, during = async () => {} }) {
  const { sid } = await one(`${topic}:create`, { ...above, ...made });
  if (changed) {
    const [[flag, value]] = Object.entries(changed);
    const row = await one(`${topic}:update`, { ...above, sid, ...changed });
    const field = flag.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
    if (field in row) {
      assert.equal(String(row[field]), String(value), topic);
    }
  }
  assert.equal((await one(`${topic}:fetch`, { ...above, sid })).sid, sid, topic);
  assert(sidsOf(await run(`${topic}:list`, above)).includes(sid), topic);
  await during(sid);
  await run(`${topic}:remove`, { ...above, sid });
}

async function useAccount() {
  const { sid } = await one("api:core:accounts:create", { "friendly-name": "child" });
  assert(sidsOf(await run("api:core:accounts:list")).includes(sid));
  await one("api:core:accounts:update", { sid, "friendly-name": "renamed" });
  assert.equal((await one("api:core:accounts:fetch", { sid })).friendlyName, "renamed");
  // The client looks for a list of balances. Twilio answers with one balance, so it prints nothing.
  assert.deepEqual(await run("api:core:balance:list"), []);
  const changed = { "friendly-name": "two" };
  await useAll("api:core:keys", { made: { "friendly-name": "ci" }, changed });
}

async function useAddresses() {
  const made = {
    "customer-name": "Example Ltd",
    street: "1 High Street",
    city: "London",
    region: "London",
    "postal-code": "SW1A 1AA",
    "iso-country": "GB",
  };
  const during = async (address) => {
    const { sid } = await ownedNumber();
    await run("api:core:incoming-phone-numbers:update", { sid, "address-sid": address });
    const topic = "api:core:addresses:dependent-phone-numbers";
    const [row] = await run(`${topic}:list`, { "address-sid": address });
    assert.equal(row.phoneNumber, OWNED);
    await run("api:core:incoming-phone-numbers:update", { sid, "address-sid": "" });
  };
  await useAll("api:core:addresses", { made, changed: { city: "Leeds" }, during });
}

async function useNumbers() {
  const owned = "api:core:incoming-phone-numbers";
  const { sid } = await ownedNumber();
  assert.equal((await one(`${owned}:update`, { sid, "voice-url": URL_ONE })).voiceUrl, URL_ONE);
  assert.equal((await one(`${owned}:fetch`, { sid })).voiceUrl, URL_ONE);
  assert.equal((await run(`${owned}:local:list`)).length, 12);
  assert.deepEqual(await run(`${owned}:mobile:list`), []);
  assert.deepEqual(await run(`${owned}:toll-free:list`), []);

  const countries = "api:core:available-phone-numbers";
  const codes = (await run(`${countries}:list`)).map((country) => country.countryCode);
  assert(codes.includes(COUNTRY));
  const { countryCode } = await one(`${countries}:fetch`, { "country-code": COUNTRY });
  assert.equal(countryCode, COUNTRY);

  const american = { "country-code": COUNTRY };
  const [first, second] = await run(`${countries}:local:list`, american);
  const free = await one(`${countries}:toll-free:list`, american);
  const mobile = await one(`${countries}:mobile:list`, { "country-code": "GB" });
  const documents = { "bundle-sid": "BU" + "1".repeat(32) };
  for (const [topic, offer, more] of [
    [owned, first, {}],
    [`${owned}:local`, second, {}],
    [`${owned}:toll-free`, free, {}],
    [`${owned}:mobile`, mobile, documents],
  ]) {
    const { phoneNumber } = offer;
    const bought = await one(`${topic}:create`, { "phone-number": phoneNumber, ...more });
    assert.equal(bought.phoneNumber, phoneNumber);
    await run(`${owned}:remove`, { sid: bought.sid });
  }
}

async function useApplications() {
  const made = { "friendly-name": "menu", "voice-url": URL_ONE };
  await useAll("api:core:applications", { made, changed: { "voice-url": URL_TWO } });
}

async function useSipLists() {
  const lists = "api:core:sip:credential-lists";
  await useAll(lists, {
    made: { "friendly-name": "pbx" },
    changed: { "friendly-name": "office" },
    during: (sid) =>
      useAll(`${lists}:credentials`, {
        above: { "credential-list-sid": sid },
        made: { username: "pbx", password: "Correct-Horse-1" },
        changed: { password: "Correct-Horse-2" },
      }),
  });

  const accessLists = "api:core:sip:ip-access-control-lists";
  await useAll(accessLists, {
    made: { "friendly-name": "offices" },
    changed: { "friendly-name": "sites" },
    during: (sid) =>
      useAll(`${accessLists}:ip-addresses`, {
        above: { "ip-access-control-list-sid": sid },
        made: { "friendly-name": "hq", "ip-address": "203.0.113.1" },
        changed: { "friendly-name": "two" },
      }),
  });
}

async function useSipDomains() {
  const domains = "api:core:sip:domains";
  const { sid } = await one(`${domains}:list`);
  const above = { "domain-sid": sid };
  const counts = {
    "auth:calls:ip-access-control-list-mappings": 1,
    "auth:calls:credential-list-mappings": 0,
    "auth:registrations:credential-list-mappings": 0,
    "ip-access-control-list-mappings": 0,
    "credential-list-mappings": 1,
  };
  for (const [topic, count] of Object.entries(counts)) {
    assert.equal((await run(`${domains}:${topic}:list`, above)).length, count, topic);
  }
}

async function useCallsAndMessages() {
  const between = { to: "+15550100999", from: OWNED };
  const ended = { status: "completed" };
  await useAll("api:core:calls", { made: { ...between, url: URL_ONE }, changed: ended });
  await useAll("api:core:messages", { made: { ...between, body: "Hello" }, changed: { body: "" } });
}

async function useTrunks() {
  const domain = "acme-edge.pstn.twilio.com";
  const topic = "api:trunking:v1:trunks";

  const useParts = async (trunk) => {
    const above = { "trunk-sid": trunk };
    const mode = "record-from-answer";
    assert.equal((await one(`${topic}:recording:update`, { ...above, mode })).mode, mode);
    assert.equal((await one(`${topic}:recording:fetch`, above)).mode, mode);

    const url = { "sip-url": "sip:sbc1.example.com", "friendly-name": "one" };
    const made = { ...url, weight: 10, priority: 10, enabled: true };
    await useAll(`${topic}:origination-urls`, { above, made, changed: { weight: 20 } });
    const { sid } = await ownedNumber();
    await useAll(`${topic}:phone-numbers`, { above, made: { "phone-number-sid": sid } });
    const users = { "credential-list-sid": CREDENTIAL_LIST };
    await useAll(`${topic}:credential-lists`, { above, made: users });
    const networks = { "ip-access-control-list-sid": ACCESS_LIST };
    await useAll(`${topic}:ip-access-control-lists`, { above, made: networks });

    const routed = { "sip-trunk-domain": domain };
    const moved = await one("api:routes:v2:trunks:update", { ...routed, "voice-region": "ie1" });
    assert.equal(moved.voiceRegion, "ie1");
    assert.equal((await one("api:routes:v2:trunks:fetch", routed)).sipTrunkDomain, domain);
  };
  await useAll(topic, {
    made: { "friendly-name": "Edge", "domain-name": domain },
    changed: { "friendly-name": "Edge 2" },
    during: useParts,
  });
}

async function useServices() {
  const topic = "api:messaging:v1:services";
  await useAll(topic, {
    made: { "friendly-name": "Alerts" },
    changed: { "inbound-request-url": URL_ONE },
    during: async (service) => {
      const { sid } = await ownedNumber();
      const above = { "service-sid": service };
      await useAll(`${topic}:phone-numbers`, { above, made: { "phone-number-sid": sid } });
      const code = { "short-code-sid": "SC" + "1".repeat(32) };
      await useAll(`${topic}:short-codes`, { above, made: code });
      await useAll(`${topic}:alpha-senders`, { above, made: { "alpha-sender": "Acme" } });
      const channel = { "messaging-service-sid": service };
      const sender = { sid: "XE" + "1".repeat(32) };
      await useAll(`${topic}:channel-senders`, { above: channel, made: sender });
    },
  });
}

async function useTheRest() {
  const routed = { "phone-number": OWNED };
  const topic = "api:routes:v2:phone-numbers";
  const moved = await one(`${topic}:update`, { ...routed, "voice-region": "ie1" });
  assert.equal(moved.voiceRegion, "ie1");
  assert.equal((await one(`${topic}:fetch`, routed)).phoneNumber, OWNED);

  const event = await one("api:monitor:v1:events:list", { limit: 1 });
  assert.equal((await one("api:monitor:v1:events:fetch", { sid: event.sid })).sid, event.sid);
  const alert = await one("api:monitor:v1:alerts:list");
  assert.equal((await one("api:monitor:v1:alerts:fetch", { sid: alert.sid })).errorCode, "11200");

  const country = { "iso-country": COUNTRY };
  const prices = await one("api:pricing:v1:phone-numbers:countries:fetch", country);
  assert.equal(prices.isoCountry, COUNTRY);
  const regulations = "api:numbers:v2:regulatory-compliance:regulations";
  const rule = await one(`${regulations}:list`, { "iso-country": "GB" });
  assert.equal((await one(`${regulations}:fetch`, { sid: rule.sid })).isoCountry, "GB");
}

async function meetARefusal() {
  const sid = "PN" + "0".repeat(32);
  // The client ends with the exit code 20, and prints Twilio's error on stderr.
  const fetching = run("api:core:incoming-phone-numbers:fetch", { sid });
  await assert.rejects(fetching, (error) => error.oclif.exit === 20);
}

async function main() {
  config = await Config.load({ root });
  // This hook adds the `api` commands, as it does in a process of the client.
  const hooks = await config.runHook("init", { id: "api:core", argv: [] });
  assert.deepEqual(hooks.failures, []);

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
