// The gateways whose memory is measured: one worker each, no log, the buffers of their defaults.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { haproxy, nginx, version } from '../compare/environment.mjs';

export function gateways(edgeway, say) {
  const all = [
    {
      name: 'edgeway',
      program: edgeway,
      missing: 'not built (`cargo build --release -p edgeway`)',
      version: version([edgeway, '--version'], /(\d\S+)/),
      prepare: (place) => edgewayCommand(edgeway, place),
    },
    nginx(nginxCommand),
    haproxy(haproxyCommand),
  ];
  return all.filter((one) => {
    if (one.program && existsSync(one.program)) return true;
    say(`skipped ${one.name}: ${one.missing}`);
    return false;
  });
}

function edgewayCommand(program, { folder, ports, upstream }) {
  // One port takes both protocols.
  ports.http2 = ports.http1;
  const file = join(folder, 'gateway.json');
  const config = {
    server: { listen: `127.0.0.1:${ports.http1}`, accessLog: 'off' },
    upstreams: { up: { url: `http://127.0.0.1:${upstream}` } },
    routes: [{ name: 'all', match: { prefix: '/' }, upstream: 'up' }],
  };
  writeFileSync(file, JSON.stringify(config));
  return ['taskset', '-c', '0', program, 'serve', file];
}

function nginxCommand(program, { folder, ports, upstream }) {
  const config = `
daemon off;
worker_processes 1;
user root;
pid nginx.pid;
error_log stderr crit;
worker_rlimit_nofile 20000;
events { worker_connections 10000; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  # What does not fit its buffers would go to the disk.
  proxy_max_temp_file_size 0;
  server {
    listen 127.0.0.1:${ports.http1};
    listen 127.0.0.1:${ports.http2} http2;
    location / {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass http://127.0.0.1:${upstream};
    }
  }
}
`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  return [program, '-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')];
}

function haproxyCommand(program, { folder, ports, upstream }) {
  const config = `
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 5s
frontend gateway
  bind 127.0.0.1:${ports.http1}
  bind 127.0.0.1:${ports.http2} proto h2
  default_backend upstream
backend upstream
  server upstream 127.0.0.1:${upstream}
`;
  writeFileSync(join(folder, 'haproxy.cfg'), config);
  return [program, '-db', '-f', join(folder, 'haproxy.cfg')];
}
