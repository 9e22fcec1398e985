// The least that forwards a request and adds the header fields: no bounds, no stripping, no guard, no deadline.

import { settings } from './settings.mjs';

const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** Forwards `request` to the upstream; `route` is the name of the route whose edits apply, if it has any. */
export async function forward(request, route) {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of HOP_BY_HOP) headers.delete(name);
  const id = settings.same ? crypto.randomUUID().replaceAll('-', '') : undefined;
  headers.set('x-forwarded-for', request.headers.get('cf-connecting-ip') ?? '127.0.0.1');
  if (settings.same) {
    headers.set('x-forwarded-host', url.host);
    headers.set('x-forwarded-proto', 'http');
    headers.set('via', '1.1 peer');
    headers.set('cdn-loop', 'peer');
    headers.set('x-request-id', id);
    headers.set('traceparent', `00-${id}-${id.slice(0, 16)}-01`);
  }
  if (route !== undefined) {
    headers.set('x-route', route);
    headers.set('x-tenant', 'acme');
    headers.delete('x-debug');
    headers.delete('x-session');
  }
  const answer = await fetch(`http://${settings.upstream}${url.pathname}${url.search}`, {
    method: request.method,
    headers,
    body: request.body,
    redirect: 'manual',
  });
  const response = new Response(answer.body, answer);
  if (settings.same) {
    response.headers.set('via', '1.1 peer');
    response.headers.set('x-request-id', id);
  }
  if (route !== undefined) {
    response.headers.set('x-served-by', 'gateway');
    response.headers.set('cache-control', 'no-store');
    response.headers.delete('x-powered-by');
  }
  return response;
}
