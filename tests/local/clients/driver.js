'use strict';
// Calls official Node clients for pytest: a line of JSON in, a line of JSON out, until the input ends.
//
// In:  {"client": NAME, "options": {...}, "method": NAME, "args": [...]}; an object in args with "$type" is made an
//      instance of that class of the client's own, and one with "$date" (epoch seconds) a Date.
// Out: {"result": ...} or {"error": {"name", "code", "message"}}.
//
// The clients are used as they are. They ask for real host names; every look-up is answered with loopback and noted,
// so that a test can tell whether one of them tried to reach anybody else.

const dns = require('dns');
const readline = require('readline');

const askedFor = new Set();
dns.lookup = (host, options, callback) => {
  askedFor.add(host);
  const done = callback || options;
  setImmediate(() => (options.all ? done(null, [{address: '127.0.0.1', family: 4}]) : done(null, '127.0.0.1', 4)));
};

const clients = {
  '@alicloud/mns': ({account, ...options}) => new (require('@alicloud/mns'))(account, options),
  '@alicloud/log': (options) => new (require('@alicloud/log'))(options),
  '@alicloud/sls20201230': (options) => {
    const {Config} = require('@alicloud/openapi-core').$OpenApiUtil;
    return new (require('@alicloud/sls20201230').default)(new Config(options));
  },
  '@alicloud/pop-core': (options) => new (require('@alicloud/pop-core').RPCClient)(options),
  '@alicloud/openapi-core': (options) => {
    const {Config, OpenApiRequest, Params} = require('@alicloud/openapi-core').$OpenApiUtil;
    const client = new (require('@alicloud/openapi-core').default)(new Config(options));
    const style = {protocol: 'HTTP', pathname: '/', method: 'POST', authType: 'AK', style: 'RPC', reqBodyType: 'formData'};
    return {
      call: (action, version, query, body) => client.callApi(
        new Params({action, version, bodyType: 'json', ...style}), new OpenApiRequest({query, body}), {}),
    };
  },
  'ali-mns': ({account, key, secret, type, name}) => {
    const AliMNS = require('ali-mns');
    const owner = new AliMNS.Account(account, key, secret);
    owner.setGA(false);
    return name ? new AliMNS[type](name, owner, 'hangzhou') : new AliMNS[type](owner, 'hangzhou');
  },
  'driver': () => ({hosts: () => [...askedFor]}),
};

const opened = new Map();
function open(name, options) {
  const key = JSON.stringify([name, options]);
  if (!opened.has(key)) opened.set(key, clients[name](options));
  return opened.get(key);
}

function revive(client, value) {
  if (Array.isArray(value)) return value.map((one) => revive(client, one));
  if (value === null || typeof value !== 'object') return value;
  if ('$date' in value) return new Date(value.$date * 1000);
  const {$type, ...fields} = value;
  const revived = Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, revive(client, one)]));
  if (!$type) return revived;
  const types = require(client);
  return client === 'ali-mns' ? new types[$type](...revived.args) : new types[$type](revived);
}

async function carryOut({client, options, method, args}) {
  try {
    const result = await open(client, options)[method](...args.map((one) => revive(client, one)));
    return {result: result === undefined ? null : result};
  } catch (error) {
    return {error: {name: error.name, code: error.code, message: error.message, ...error}};
  }
}

async function main() {
  for await (const line of readline.createInterface({input: process.stdin})) {
    process.stdout.write(JSON.stringify(await carryOut(JSON.parse(line))) + '\n');
  }
}

main();
