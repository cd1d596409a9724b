// Sends every request to *.twilio.com to the server at SANDBOX_URL, and none to another host. Loaded
// with `node --require`, for the command-line client: it has no option for another base URL.
"use strict";

const http = require("node:http");
const https = require("node:https");

const base = new URL(process.env.SANDBOX_URL);

https.request = function request(target, options, callback) {
  // Node accepts (options), (url), (url, options), each with a callback behind it.
  const isUrl = typeof target === "string" || target instanceof URL;
  if (!isUrl || typeof options === "function") {
    callback = options;
    options = {};
  }
  const { hostname, path } = isUrl ? fromUrl(new URL(target)) : fromOptions(target);
  if (!/(^|\.)twilio\.com$/.test(hostname)) {
    throw new Error(`A test sends no request to ${hostname}`);
  }

  const given = isUrl ? options : target;
  const headers = { ...given.headers, host: base.host };
  const { auth, method, signal, timeout } = given;
  const local = { hostname: base.hostname, port: base.port };
  return http.request({ ...local, auth, headers, method, path, signal, timeout }, callback);
};

https.get = function get(...words) {
  const request = https.request(...words);
  request.end();
  return request;
};

function fromUrl(url) {
  return { hostname: url.hostname, path: url.pathname + url.search };
}

function fromOptions(options) {
  return { hostname: options.hostname || options.host || "", path: options.path };
}
