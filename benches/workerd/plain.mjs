// The gateway by hand: no router, only what the work needs.

import { forward } from './forward.mjs';
import { routes } from './settings.mjs';

const table = new Map(routes.map((route, number) => [`/service-${number}/items/`, route]));

export default {
  fetch(request) {
    if (routes.length === 0) return forward(request);
    const { pathname } = new URL(request.url);
    const route = table.get(pathname.slice(0, pathname.indexOf('/', pathname.indexOf('/', 1) + 1) + 1));
    return route === undefined ? new Response(null, { status: 404 }) : forward(request, route);
  },
};
