// Clients that ask and read nothing.

import { once } from 'node:events';
import { connect } from 'node:net';

export const SMALL = 'HTTP/2, windows of 64 KiB';
export const LARGE = 'HTTP/2, windows of 2³¹−1';
const HTTP1 = 'HTTP/1.1';

export const CLIENTS = [HTTP1, SMALL, LARGE];

/** How many requests each of so many connections has open: enough for a hundred, and not too many for the machine. */
const streams = (connections) => (connections > 10 ? 10 : 100);
export const STREAMS = { [HTTP1]: () => 1, [SMALL]: streams, [LARGE]: streams };

const MOST = 2 ** 31 - 1;

/** A frame (RFC 9113 §4.1). */
function frame(type, flags, stream, payload) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function number(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A field whose name is in the static table (RFC 7541 §6.2.2). */
function field(index, value) {
  return Buffer.concat([Buffer.from([index, value.length]), Buffer.from(value)]);
}

function http2(kind, count, path) {
  const window = kind === LARGE ? MOST : 65_535;
  // SETTINGS_INITIAL_WINDOW_SIZE, and a WINDOW_UPDATE for the connection.
  const frames = [
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(4, 0, 0, Buffer.concat([Buffer.from([0, 4]), number(window)])),
    // Acknowledges the settings of the gateway, which nobody reads.
    frame(4, 1, 0, Buffer.alloc(0)),
  ];
  // Nor does it read on a connection with small windows: there it is the window of the connection that is used up.
  if (window > 65_535) frames.push(frame(8, 0, 0, number(window - 65_535)));
  const head = Buffer.concat([Buffer.from([0x82, 0x86]), field(0x04, path), field(0x01, 'bench.example')]);
  for (let stream = 0; stream < count; stream += 1) frames.push(frame(1, 0x5, 2 * stream + 1, head));
  return Buffer.concat(frames);
}

/** Opens `count` connections with their requests; their answers stay in the kernel. */
export async function open(kind, count, ports, path) {
  const request =
    kind === HTTP1
      ? `GET ${path} HTTP/1.1\r\nHost: bench.example\r\n\r\n`
      : http2(kind, STREAMS[kind](count), path);
  const clients = [];
  for (let number = 0; number < count; number += 1) {
    const socket = connect(kind === HTTP1 ? ports.http1 : ports.http2, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    clients.push(socket);
    await once(socket, 'connect');
    socket.write(request);
  }
  return clients;
}

export function leave(clients) {
  for (const client of clients) client.destroy();
}
