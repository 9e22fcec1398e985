// The gateway in Hono.

import { Hono } from 'hono';

import { forward, routes } from './forward.mjs';

const app = new Hono();
if (routes.length === 0) {
  app.all('*', (c) => forward(c.req.raw));
}
for (const [number, route] of routes.entries()) {
  app.all(`/service-${number}/items/:id`, (c) => forward(c.req.raw, route));
}

export default app;
