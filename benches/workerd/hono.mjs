// The gateway in Hono.

import { Hono } from 'hono';
import { cache } from 'hono/cache';
import { jwt } from 'hono/jwt';

import { proxy } from './gateway.mjs';
import { routes, settings } from './settings.mjs';

const app = new Hono();
if (settings.tokens) app.use(jwt(settings.tokens));
if (settings.cached) {
  // What comes out of the cache has the id of the request that it was stored for.
  app.use(async (c, next) => {
    await next();
    c.header('x-request-id', crypto.randomUUID().replaceAll('-', ''));
  });
  app.use(cache({ cacheName: 'answers' }));
}
if (routes.length === 0) {
  app.all('*', (c) => proxy(c.req.raw));
}
for (const [number, route] of routes.entries()) {
  app.all(`/service-${number}/items/:id`, (c) => proxy(c.req.raw, route));
}

export default app;
