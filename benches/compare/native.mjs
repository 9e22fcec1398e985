// The native gateways. Each has one worker, keeps connections alive on both sides, and writes no log.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { built, haproxy, nginx, varnish, version } from './environment.mjs';
import { WINDOW } from './scenarios.mjs';
import { AUDIENCE, ISSUER, SECRET, SECRET_NAME, keyFor } from './tokens.mjs';

export function native() {
  return [
    {
      name: 'edgeway',
      program: built('edgeway'),
      missing: 'not built; leave out `--no-build`',
      version: version([built('edgeway'), '--version'], /(\d\S+)/),
      prepare: edgeway,
    },
    // What checks tokens is in its paid version alone.
    { ...nginx(nginxCommand), lacks: ['tokens'] },
    haproxy(haproxyCommand),
    // It is here as a cache, and for no other work.
    { ...varnish(varnishCommand), lacks: ['forwarding'], counting: { forks: true } },
    {
      name: 'bare-hyper',
      program: built('bare-hyper'),
      missing: 'not built; leave out `--no-build`',
      version: '1',
      addsLess: true,
      lacks: ['routes', 'tokens', 'cache', 'limit', 'balance'],
      prepare: ({ proxy, upstream }) => ({
        command: [built('bare-hyper'), `127.0.0.1:${proxy}`, `127.0.0.1:${upstream}`],
      }),
    },
  ];
}

function edgeway({ folder, proxy, upstream, scenario }) {
  const config = join(folder, 'gateway.json');
  writeFileSync(config, configuration({ proxy, upstream, scenario }));
  return { command: [built('edgeway'), 'serve', config], env: { [SECRET_NAME]: SECRET } };
}

/** The `gateway.json` for a scenario, whose limit has a `lease` if there is one. */
export function configuration({ proxy, upstream, scenario, lease }) {
  const policies = [];
  if (scenario.cached) policies.push({ cache: {} });
  if (scenario.limit) policies.push({ rateLimit: { limit: scenario.limit, window: `${WINDOW}s`, lease } });
  let text = commonConfiguration({ proxy, upstream, scenario });
  if (scenario.balanced) text = JSON.stringify(balanced(JSON.parse(text), upstream));
  return policies.length === 0 ? text : JSON.stringify({ ...JSON.parse(text), defaults: { policies } });
}

/** A configuration whose upstream is in two places. */
function balanced(config, upstream) {
  const rules = { balance: 'leastRequest', retry: {}, health: { passive: { failurePercent: 50 } }, breaker: { failures: 100 } };
  const upstreams = Object.keys(config.upstreams).map((name) => [name, { urls: places(upstream).map((place) => `http://${place}`), ...rules }]);
  return { ...config, upstreams: Object.fromEntries(upstreams) };
}

/** One server by two addresses: one of IPv6 that stands for one of IPv4 (RFC 4291 §2.5.5.2). */
const places = (port) => [`127.0.0.1:${port}`, `[::ffff:127.0.0.1]:${port}`];

function commonConfiguration({ proxy, upstream, scenario }) {
  const args = ['proxy', `127.0.0.1:${proxy}`, `127.0.0.1:${upstream}`, String(scenario.routes)];
  if (scenario.tokens) args.push(JSON.stringify(keyFor(scenario.algorithm)), ISSUER, AUDIENCE);
  return execFileSync(built('bench-config'), args);
}

const numbers = (count) => Array.from({ length: count }, (_, number) => number);

function nginxCommand(program, { folder, proxy, upstream, scenario, headers }) {
  const added = ['proxy_set_header X-Forwarded-For $remote_addr;'];
  const addedToResponse = [];
  if (headers === 'same') {
    added.push(
      'proxy_set_header X-Forwarded-Host $http_host;',
      'proxy_set_header X-Forwarded-Proto $scheme;',
      'proxy_set_header Via "1.1 nginx";',
      'proxy_set_header CDN-Loop nginx;',
      'proxy_set_header X-Request-Id $request_id;',
      // nginx has no second random number; a fixed parent costs it a little less than a fresh one.
      'proxy_set_header traceparent 00-$request_id-00f067aa0ba902b7-01;',
    );
    addedToResponse.push('add_header Via "1.1 nginx";', 'add_header X-Request-Id $request_id;');
  }
  const common = ['proxy_set_header Connection "";', ...added];
  const pass = 'proxy_pass http://upstream;';
  const locations = scenario.routes
    ? numbers(scenario.routes).map((route) =>
        [
          `location /service-${route}/items/ {`,
          ...common,
          `proxy_set_header X-Route route-${route};`,
          'proxy_set_header X-Tenant acme;',
          'proxy_set_header X-Debug "";',
          'proxy_set_header X-Session "";',
          ...addedToResponse,
          'proxy_hide_header X-Served-By;',
          'add_header X-Served-By gateway;',
          'proxy_hide_header Cache-Control;',
          'add_header Cache-Control no-store;',
          'proxy_hide_header X-Powered-By;',
          `${pass} }`,
        ].join('\n'),
      )
    : [['location / {', ...common, ...addedToResponse, ...nginxMore(scenario, headers), `${pass} }`].join('\n')];
  const config = `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ${scenario.cached ? 'proxy_cache_path answers keys_zone=answers:10m use_temp_path=off;' : ''}
  ${scenario.limit ? `limit_req_zone $binary_remote_addr zone=callers:10m rate=${nginxRate(scenario.limit)};` : ''}
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  tcp_nodelay on;
  upstream upstream {
    ${scenario.balanced ? 'least_conn;' : ''}
    ${(scenario.balanced ? places(upstream) : [`127.0.0.1:${upstream}`]).map((place) => `server ${place};`).join(' ')}
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 600;
  }
  server {
    listen 127.0.0.1:${proxy};
    proxy_http_version 1.1;
    ${locations.join('\n')}
  }
}
`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  return { command: [program, '-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')] };
}

/** The location's part of a cache and of a limit. */
function nginxMore({ cached, limit }, headers) {
  const more = [];
  if (cached) more.push('proxy_cache answers;');
  if (limit) {
    const burst = limit > 1 ? ` burst=${limit - 1} nodelay` : '';
    more.push(`limit_req zone=callers${burst};`, 'limit_req_status 429;');
    // It has no variable for what is left.
    if (headers === 'same') more.push(`add_header RateLimit-Policy '${limitPolicy(limit)}';`);
  }
  return more;
}

/** A limit as nginx has it: per second or per minute, whichever is whole. */
const nginxRate = (limit) => (limit % WINDOW === 0 ? `${limit / WINDOW}r/s` : `${limit}r/m`);

const limitPolicy = (limit) => `"default";q=${limit};w=${WINDOW}`;

function haproxyCommand(program, { folder, proxy, upstream, scenario, headers }) {
  const rules = scenario.tokens ? tokenRules() : [];
  rules.push('http-request set-header X-Forwarded-For %[src]');
  if (headers === 'same') {
    rules.push(
      'http-request set-header X-Forwarded-Host %[req.hdr(host)]',
      'http-request set-header X-Forwarded-Proto http',
      'http-request set-header Via "1.1 haproxy"',
      'http-request set-header CDN-Loop haproxy',
      // rand gives 32 bits in 16 digits: as long as what the others send.
      'unique-id-format %[rand,hex]%[rand,hex]',
      'unique-id-header X-Request-Id',
      'http-request set-header traceparent 00-%[unique-id]-%[rand,hex]-01',
      'http-response set-header Via "1.1 haproxy"',
      'http-response set-header X-Request-Id %[unique-id]',
    );
  }
  if (scenario.routes) {
    // One map look-up finds the route and its own value; 200 backends would each need connections of their own.
    const map = numbers(scenario.routes).map((route) => `/service-${route}/items/ route-${route}\n`);
    writeFileSync(join(folder, 'routes.map'), map.join(''));
    rules.push(
      `http-request set-var(txn.route) path,map_beg(${join(folder, 'routes.map')})`,
      'http-request deny deny_status 404 unless { var(txn.route) -m found }',
      'http-request set-header X-Route %[var(txn.route)]',
      'http-request set-header X-Tenant acme',
      'http-request del-header X-Debug',
      'http-request del-header X-Session',
      'http-response set-header X-Served-By gateway',
      'http-response set-header Cache-Control no-store',
      'http-response del-header X-Powered-By',
    );
  }
  const { sections, first } = haproxyMore(scenario, headers);
  rules.unshift(...first);
  const config = `
global
  nbthread 1
  maxconn 1024
defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 5s
  timeout http-keep-alive 600s
  option http-keep-alive
  http-reuse always
${sections}
frontend gateway
  bind 127.0.0.1:${proxy}
  ${rules.join('\n  ')}
  default_backend upstream
backend upstream
${haproxyServers(upstream, scenario)}
`;
  writeFileSync(join(folder, 'haproxy.cfg'), config);
  return { command: [program, '-db', '-f', join(folder, 'haproxy.cfg')] };
}

function haproxyServers(upstream, { balanced }) {
  if (!balanced) return `  server upstream 127.0.0.1:${upstream} pool-max-conn 256`;
  const rules = ['balance leastconn', 'retries 2', 'option redispatch 1', 'retry-on conn-failure empty-response response-timeout 502 503 504'];
  const observed = 'observe layer7 error-limit 5 on-error mark-down check inter 30s';
  const servers = places(upstream).map((place, number) => `server upstream${number} ${place.replace(/[[\]]/g, '')} pool-max-conn 256 ${observed}`);
  return [...rules, ...servers].map((line) => `  ${line}`).join('\n');
}

/** HAProxy's part of a cache and of a limit: sections before the frontend, and its first rules. */
function haproxyMore({ cached, limit }, headers) {
  const first = [];
  if (cached) first.push('http-request cache-use answers', 'http-response cache-store answers');
  if (limit) {
    first.push(
      `stick-table type ip size 100k expire ${WINDOW}s store http_req_rate(${WINDOW}s)`,
      'http-request track-sc0 src',
      `http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${limit} }`,
    );
    if (headers === 'same') {
      first.push(
        `http-response set-header RateLimit-Policy '${limitPolicy(limit)}'`,
        `http-response set-header RateLimit '"default";r=%[sc_http_req_rate(0),neg,add(${limit})];t=1'`,
      );
    }
  }
  return { sections: cached ? 'cache answers\n  total-max-size 16\n  max-age 86400' : '', first };
}

/** As HAProxy's own guide to tokens has it, with `exp` and without the answers' texts. */
function tokenRules() {
  return [
    'http-request set-var(txn.token) http_auth_bearer',
    "http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')",
    "http-request set-var(txn.iss) http_auth_bearer,jwt_payload_query('$.iss')",
    "http-request set-var(txn.aud) http_auth_bearer,jwt_payload_query('$.aud')",
    "http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')",
    'http-request set-var(txn.now) date()',
    'http-request deny deny_status 401 unless { var(txn.alg) -m str HS256 }',
    `http-request deny deny_status 401 unless { var(txn.iss) -m str ${ISSUER} }`,
    `http-request deny deny_status 401 unless { var(txn.aud) -m str ${AUDIENCE} }`,
    `http-request deny deny_status 401 unless { http_auth_bearer,jwt_verify(txn.alg,"${SECRET}") -m int 1 }`,
    'http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }',
    'http-request del-header Authorization',
  ];
}

function varnishCommand(program, { folder, proxy, upstream, headers }) {
  const [toUpstream, toClient] = [[`set bereq.http.X-Forwarded-For = client.ip;`], []];
  if (headers === 'same') {
    // It has no random numbers but its own identifier, which is shorter than what the others send.
    toUpstream.push(
      'set bereq.http.X-Forwarded-Host = bereq.http.Host;',
      'set bereq.http.X-Forwarded-Proto = "http";',
      'set bereq.http.Via = "1.1 varnish";',
      'set bereq.http.CDN-Loop = "varnish";',
      'set bereq.http.X-Request-Id = bereq.xid;',
      'set bereq.http.traceparent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";',
    );
    toClient.push('set resp.http.Via = "1.1 varnish";', 'set resp.http.X-Request-Id = req.xid;');
  }
  const settings = `
vcl 4.1;
backend upstream { .host = "127.0.0.1"; .port = "${upstream}"; }
sub vcl_backend_fetch { ${toUpstream.join('\n')} }
sub vcl_deliver { ${toClient.join('\n')} }
`;
  writeFileSync(join(folder, 'settings.vcl'), settings);
  // Its log is always written, into memory that programs may read.
  const parameters = { thread_pools: 1, timeout_idle: 600 };
  return {
    command: [
      ...[program, '-F', '-j', 'none', '-n', join(folder, 'varnish'), '-a', `127.0.0.1:${proxy}`],
      ...['-f', join(folder, 'settings.vcl'), '-s', 'malloc,64m'],
      ...Object.entries(parameters).flatMap(([name, value]) => ['-p', `${name}=${value}`]),
    ],
  };
}
