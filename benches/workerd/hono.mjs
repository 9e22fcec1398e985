// The gateway in Hono.

import { Hono } from 'hono';

import { proxy } from './gateway.mjs';
import { routes } from './settings.mjs';

const app = new Hono();
if (routes.length === 0) {
  app.all('*', (c) => proxy(c.req.raw));
}
for (const [number, route] of routes.entries()) {
  app.all(`/service-${number}/items/:id`, (c) => proxy(c.req.raw, route));
}

export default app;
