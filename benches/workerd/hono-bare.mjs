// A forwarder in Hono: it adds the header fields, and leaves out everything else that a gateway has to do.

import { Hono } from 'hono';

import { forward } from './forward.mjs';
import { routes } from './settings.mjs';

const app = new Hono();
if (routes.length === 0) {
  app.all('*', (c) => forward(c.req.raw));
}
for (const [number, route] of routes.entries()) {
  app.all(`/service-${number}/items/:id`, (c) => forward(c.req.raw, route));
}

export default app;
