// What workerd asks for the Cache API: a map in memory, which forgets nothing. What it is sent to store is a response as HTTP/1.1 has it.

const stored = new Map();

export default {
  async fetch(request) {
    const key = `${request.headers.get('cf-cache-namespace')} ${request.url}`;
    if (request.method === 'PUT') {
      stored.set(key, parse(new Uint8Array(await request.arrayBuffer())));
      return new Response(null, { status: 204 });
    }
    if (request.method === 'PURGE') return new Response(null, { status: stored.delete(key) ? 200 : 404 });
    const found = stored.get(key);
    if (found === undefined) return new Response(null, { status: 504, headers: { 'cf-cache-status': 'MISS' } });
    return new Response(found.body, { headers: found.headers });
  },
};

/** Of a response with status 200. */
function parse(bytes) {
  const text = new TextDecoder('latin1').decode(bytes);
  const end = text.indexOf('\r\n\r\n');
  const headers = text.slice(0, end).split('\r\n').slice(1).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const isChunked = headers.some(([name, value]) => name.toLowerCase() === 'transfer-encoding' && value === 'chunked');
  const kept = headers.filter(([name]) => name.toLowerCase() !== 'transfer-encoding');
  return { headers: [...kept, ['cf-cache-status', 'HIT']], body: isChunked ? dechunked(bytes, text, end + 4) : bytes.slice(end + 4) };
}

function dechunked(bytes, text, at) {
  const pieces = [];
  for (;;) {
    const line = text.indexOf('\r\n', at);
    const length = parseInt(text.slice(at, line), 16);
    if (length === 0) return new Uint8Array(pieces.flatMap((piece) => [...piece]));
    pieces.push(bytes.slice(line + 2, line + 2 + length));
    at = line + 4 + length;
  }
}
