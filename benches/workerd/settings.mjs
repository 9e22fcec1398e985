// What the comparison wants of the JavaScript peers.

import settings from './settings.json';

export { settings };

/** The names of the routes: `route-0` and so on. */
export const routes = Array.from({ length: settings.routes }, (_, number) => `route-${number}`);
