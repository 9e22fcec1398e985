// An upstream as a process of its own: it does what it is told by its parent, and counts the requests that it gets.

import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** The content of a whole answer. */
const CONTENT = Buffer.alloc(512, 'x');

const [port, delay] = process.argv.slice(2).map(Number);
let mode = 'well';
let arrived = 0;
let isLeaving = false;

const server = createServer({ keepAliveTimeout: 600_000 }, async (request, response) => {
  // Checks of a gateway's own are no load.
  if (request.url !== '/health') arrived += 1;
  // What it can't stand is not to bring it down.
  for (const side of [request, response]) side.on('error', () => {});
  request.resume();
  await sleep(delay);
  if (isLeaving) response.setHeader('connection', 'close');
  const answer = ANSWERS[mode];
  await answer(response);
});
server.listen(port, '127.0.0.1', () => process.send?.({ listening: true }));

const ANSWERS = {
  well: (response) => response.end(CONTENT),
  /** 500 and 503 in turn. */
  failing: (response) => {
    response.statusCode = arrived % 2 ? 500 : 503;
    response.end(CONTENT);
  },
  unavailable: (response) => {
    response.statusCode = 503;
    response.end(CONTENT);
  },
  silent: () => {},
  /** The head and a half of the content arrive before the connection is reset. */
  cut: async (response) => {
    response.setHeader('content-length', CONTENT.length);
    response.write(CONTENT.subarray(0, CONTENT.length / 2));
    await sleep(20);
    response.socket?.resetAndDestroy();
  },
};

process.on('message', async ({ be, tell }) => {
  if (be) mode = be;
  if (tell) process.send({ arrived });
});
process.on('disconnect', () => process.exit());

// As a service leaves that is to be missed by nobody: it says so in its answers, takes no more connections a little later, and ends with the last answer.
process.on('SIGTERM', async () => {
  isLeaving = true;
  await sleep(300);
  server.close(() => process.exit());
  server.closeIdleConnections();
});
