// What Edgeway does with every request, written by hand in JavaScript as its author would for speed: bounds, identity fields
// stripped in every spelling, a guard against loops, fields of the connection, forwarding fields, request id, trace context,
// a deadline. What few requests need (trusted proxies, normal paths, CORS, problems with all their members) is left out.

import { settings } from './settings.mjs';

const NAME = 'peer';
const FIRST_BYTE_MILLIS = 30_000;
const MOST_FIELDS = 100;
const MOST_BYTES = 32 * 1024;
const MOST_URL_BYTES = 8 * 1024;
const MOST_PASSES = 8;

const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['proxy-authentication-info', 'te', 'transfer-encoding', 'upgrade', 'http2-settings'],
];
const IS_HOP_BY_HOP = new Set(HOP_BY_HOP);
const FEW_HOP_BY_HOP = ['proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'http2-settings'];
const IDENTITY =
  /^(x-(consumer|authenticated|credential|claim|edgeway|auth-request|ssl-client)-|x-forwarded-(user|email|groups|preferred-username)$|(x-)?remote-user$|(x-|x-forwarded-)?client-cert)/;
const FORWARDING = /^(forwarded$|x-forwarded-|x-real-ip$)/;
const SANE_ID = /^[A-Za-z0-9._~:/+=@-]{1,128}$/;
const TRACE = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Forwards `request` to the upstream; `route` is the name of the route whose edits apply, if it has any. */
export async function proxy(request, route) {
  const incoming = request.headers;
  const url = new URL(request.url);
  if (url.pathname.length + url.search.length > MOST_URL_BYTES) return refuse(414);

  const drop = [];
  let count = 0;
  let bytes = 0;
  incoming.forEach((value, name) => {
    count += 1;
    bytes += name.length + value.length;
    const folded = name.includes('_') || name.includes('.') ? name.replace(/[_.]/g, '-') : name;
    if (IS_HOP_BY_HOP.has(name) || IDENTITY.test(folded) || FORWARDING.test(folded)) drop.push(name);
  });
  if (count > MOST_FIELDS || bytes > MOST_BYTES) return refuse(431);
  if (passes(incoming.get('cdn-loop')) >= MOST_PASSES) return refuse(508);

  const headers = new Headers(incoming);
  const listed = incoming.get('connection');
  if (listed !== null) dropListed(headers, listed);
  for (const name of drop) headers.delete(name);
  if (settings.tokens) headers.delete('authorization');

  const ownId = incoming.get('x-request-id');
  const id = ownId !== null && SANE_ID.test(ownId) ? ownId : crypto.randomUUID().replaceAll('-', '');
  headers.set('x-forwarded-for', clientAddress(request));
  headers.set('x-forwarded-host', url.host);
  headers.set('x-forwarded-proto', url.protocol === 'https:' ? 'https' : 'http');
  headers.append('via', `1.1 ${NAME}`);
  headers.append('cdn-loop', NAME);
  headers.set('x-request-id', id);
  headers.set('traceparent', traceparent(incoming.get('traceparent')));
  if (route !== undefined) {
    headers.set('x-route', route);
    headers.set('x-tenant', 'acme');
    headers.delete('x-debug');
    headers.delete('x-session');
  }

  let answer;
  try {
    answer = await inTime(
      fetch(`http://${settings.upstream}${url.pathname}${url.search}`, {
        method: request.method,
        headers,
        body: request.body,
        redirect: 'manual',
        encodeResponseBody: 'manual',
      }),
    );
  } catch (error) {
    return refuse(error === LATE ? 504 : 502);
  }
  const response = new Response(answer.body, answer);
  const fields = response.headers;
  const listedBack = fields.get('connection');
  if (listedBack !== null) dropListed(fields, listedBack);
  for (const name of FEW_HOP_BY_HOP) fields.delete(name);
  fields.append('via', `1.1 ${NAME}`);
  if (route !== undefined) {
    fields.set('x-served-by', 'gateway');
    fields.set('cache-control', 'no-store');
    fields.delete('x-powered-by');
  }
  fields.set('x-request-id', id);
  return response;
}

const LATE = new Error('no response in time');

/** A race and no signal: a signal makes the runtime watch every chunk of the body. */
function inTime(response) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(LATE), FIRST_BYTE_MILLIS);
    response.then(
      (head) => {
        clearTimeout(timer);
        resolve(head);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** The edge states it in a field; workerd by itself tells the socket's. */
function clientAddress(request) {
  const address = request.cf?.clientIp;
  if (address === undefined) return request.headers.get('cf-connecting-ip') ?? 'unknown';
  if (address.startsWith('[')) return address.slice(1, address.indexOf(']'));
  return address.slice(0, address.lastIndexOf(':'));
}

function traceparent(given) {
  if (given !== null && TRACE.test(given)) return given;
  const random = crypto.randomUUID().replaceAll('-', '');
  return `00-${random}-${crypto.randomUUID().slice(-12)}0001-00`;
}

function passes(marks) {
  if (marks === null) return 0;
  return marks.split(',').filter((entry) => entry.split(';', 1)[0].trim().toLowerCase() === NAME).length;
}

function dropListed(headers, listed) {
  for (const name of listed.split(',')) {
    const option = name.trim().toLowerCase();
    if (option !== '' && option !== 'close' && option !== 'keep-alive') headers.delete(option);
  }
}

function refuse(status) {
  const headers = { 'content-type': 'application/problem+json' };
  return new Response(JSON.stringify({ type: 'about:blank', status }), { status, headers });
}
