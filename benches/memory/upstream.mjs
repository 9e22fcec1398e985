// An upstream with large bodies, which it sends as fast as they are taken, and one path that it never answers.

import { once } from 'node:events';
import { createServer } from 'node:http';

export const MUTE = '/mute';

const BODY = 20 * 1000 * 1000;
const PIECE = Buffer.alloc(64 * 1024, 'x');

export async function upstream() {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    response.on('error', () => {});
    if (request.url === MUTE) return;
    response.writeHead(200, { 'Content-Length': BODY });
    let left = BODY;
    const send = () => {
      while (left > 0) {
        const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
        left -= piece.length;
        if (!response.write(piece)) return void response.once('drain', send);
      }
      response.end();
    };
    send();
  });
  server.requestTimeout = 0;
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: server.address().port, asked: () => asked, close };
}
