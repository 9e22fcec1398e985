// The gateway in Hono.

import { Hono } from 'hono';
import { jwt } from 'hono/jwt';

import { proxy } from './gateway.mjs';
import { routes, settings } from './settings.mjs';

const app = new Hono();
if (settings.tokens) app.use(jwt(settings.tokens));
if (routes.length === 0) {
  app.all('*', (c) => proxy(c.req.raw));
}
for (const [number, route] of routes.entries()) {
  app.all(`/service-${number}/items/:id`, (c) => proxy(c.req.raw, route));
}

export default app;
