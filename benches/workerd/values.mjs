// What workerd asks for the values of a KV namespace: a map in memory.

const values = new Map();

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (request.method === 'DELETE') values.delete(pathname);
    else if (request.method === 'PUT') values.set(pathname, await request.arrayBuffer());
    else return values.has(pathname) ? new Response(values.get(pathname)) : new Response(null, { status: 404 });
    return new Response();
  },
};
