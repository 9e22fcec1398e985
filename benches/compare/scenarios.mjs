// The work that every contestant does, and how to tell from one exchange that it does all of it.

/** More than Edgeway remembers of an issuer, so that in this order it has forgotten each when it comes again. */
export const MORE_THAN_REMEMBERED = 1_536;

/** The window of a limit, in seconds. */
export const WINDOW = 60;

/**
 * `routes`: how many routes the load rotates over; 0 means one route that takes everything.
 * `tokens`: how many tokens the load rotates over; without it, requests have none and nobody asks for one.
 * `algorithm`: by which they are signed, if not by HS256; `small`: whether they have only the claims that are asked for.
 * `cached`: whether a cache may keep the answers; from the second request on, none may reach the upstream then.
 * `limit`: how many requests a client may send in a window: more than the load sends, so that all are counted and none is refused.
 * `balanced`: whether the upstream is in two places (the same server by two addresses), with the rules for failures that a gateway has.
 * `verify`: throws unless the heads, as they arrived at the upstream and at the client, show the work.
 */
export const SCENARIOS = {
  plain: {
    title: 'plain proxying, one route',
    routes: 0,
    verify(exchange) {
      expectPresent('request', exchange.request, 'x-debug', '1');
      expectPresent('response', exchange.response, 'x-powered-by', 'bench');
    },
  },
  edits: {
    title: '200 routes with header edits (request: 2 set, 2 removed; response: 2 set, 1 removed)',
    routes: 200,
    verify: verifyEdits,
  },
  jwt: {
    title: 'one route, an HS256 token that was verified before (signature, algorithm, iss, aud, exp; taken out of the request)',
    routes: 0,
    tokens: 1,
    verify: verifyToken,
  },
  'jwt-cold': {
    title: 'one route, an HS256 token that nobody remembers',
    routes: 0,
    tokens: MORE_THAN_REMEMBERED,
    verify: verifyToken,
  },
  'jwt-edits': {
    title: '200 routes with header edits, an HS256 token that was verified before',
    routes: 200,
    tokens: 1,
    verify(exchange) {
      verifyEdits(exchange);
      verifyToken(exchange);
    },
  },
  cached: {
    title: 'an answer of 512 bytes out of the cache',
    routes: 0,
    cached: true,
    verify(exchange) {
      expectPresent('response', exchange.response, 'x-powered-by', 'bench');
    },
  },
  limited: {
    title: 'one route with a limit by the address of the client, which nobody reaches',
    routes: 0,
    // A multiple of the window, for gateways that count by the second.
    limit: 600_000_000,
    verify(exchange) {
      expectPresent('response', exchange.response, 'x-powered-by', 'bench');
    },
  },
  balanced: {
    title: 'one route to an upstream in two places: the fewest requests under way, places that fail left out, retries, a breaker where there is one',
    routes: 0,
    balanced: true,
    verify(exchange) {
      expectPresent('response', exchange.response, 'x-powered-by', 'bench');
    },
  },
};

function verifyEdits(exchange) {
  const route = /^GET \/service-(\d+)\//.exec(exchange.request)?.[1];
  expectPresent('request', exchange.request, 'x-route', `route-${route}`);
  expectPresent('request', exchange.request, 'x-tenant', 'acme');
  expectAbsent('request', exchange.request, 'x-debug');
  expectAbsent('request', exchange.request, 'x-session');
  expectPresent('response', exchange.response, 'x-served-by', 'gateway');
  expectPresent('response', exchange.response, 'cache-control', 'no-store');
  expectAbsent('response', exchange.response, 'x-powered-by');
}

function verifyToken(exchange) {
  expectAbsent('request', exchange.request, 'authorization');
}

/** The headers that Edgeway adds to each request and response, which `--headers same` asks of its peers. */
export const ADDED = {
  request: ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'via', 'cdn-loop', 'x-request-id', 'traceparent'],
  response: ['via', 'x-request-id'],
};

export function verifyAdded(exchange) {
  if (exchange.forwarded > 0) for (const name of ADDED.request) expectPresent('request', exchange.request, name);
  for (const name of ADDED.response) expectPresent('response', exchange.response, name);
}

function values(message, name) {
  const head = message.split('\r\n\r\n', 1)[0].split('\r\n').slice(1);
  return head
    .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
    .filter(([field]) => field === name)
    .map(([, value]) => value);
}

function expectPresent(which, message, name, value) {
  const found = values(message, name);
  if (found.length !== 1 || (value !== undefined && found[0] !== value)) {
    throw new Error(`its ${which} should have one \`${name}: ${value ?? '…'}\`:\n${message.split('\r\n\r\n', 1)[0]}`);
  }
}

function expectAbsent(which, message, name) {
  if (values(message, name).length > 0) throw new Error(`its ${which} should have no \`${name}\``);
}
