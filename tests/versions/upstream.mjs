/** A service that speaks the second version of `orders-2.json`, and nothing else. */

import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

/** What is wrong with `value`, which has to have these members and no others. */
function strange(value, ...members) {
  const found = Object.keys(value ?? {});
  const wrong = [...found.filter((name) => !members.includes(name)), ...members.filter((name) => !found.includes(name))];
  return wrong.length > 0 ? `not as the second version has it: ${wrong}` : undefined;
}

/** Serves orders, with what it was sent of another version in `strangers`. */
export async function serveOrders() {
  const orders = new Map();
  const strangers = [];
  const answers = {
    GET(id, query) {
      if (id !== undefined) return [200, orders.get(id)];
      const wrong = [...query.keys()].find((name) => !["status", "limit"].includes(name));
      if (wrong !== undefined) return [500, `there is no parameter ${wrong}`];
      const items = [...orders.values()].filter((order) => (query.get("status") ?? order.status) === order.status);
      return [200, { items: items.slice(0, Number(query.get("limit") ?? 100)), totalItems: items.length }];
    },
    POST(_, __, draft) {
      const wrong = strange(draft, "customer", "price") ?? strange(draft.customer, "name", "email") ?? strange(draft.price, "amount", "currency");
      if (wrong !== undefined || typeof draft.price.amount !== "number") return [500, wrong ?? "the amount is no number"];
      const order = { id: `o-${orders.size + 1}`, status: "open", ...draft, createdAt: "2026-11-30T12:00:00Z" };
      orders.set(order.id, order);
      return [201, order];
    },
    PUT(id, _, change) {
      const wrong = strange(change, "status");
      if (wrong !== undefined) return [500, wrong];
      const order = orders.get(id);
      if (order?.status === "paid") return [409, "a paid order stays paid"];
      return [200, Object.assign(order, change)];
    },
  };
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://orders");
    const [, id] = /^\/shop\/orders(?:\/(.+))?$/.exec(pathname) ?? [];
    const content = await text(request);
    const isMissing = id !== undefined && !orders.has(id);
    const [status, answer] = isMissing ? [404, `there is no order ${id}`] : answers[request.method](id, searchParams, content && JSON.parse(content));
    if (status === 500) strangers.push(`${request.method} ${request.url}: ${answer}`);
    const isProblem = status >= 400;
    response.writeHead(status, { "content-type": isProblem ? "application/problem+json" : "application/json" });
    response.end(JSON.stringify(isProblem ? { title: "it can't be done", status, detail: answer } : answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, strangers, end };
}
