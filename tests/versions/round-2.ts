/** The same calls of the second version, by the client that is made of `orders-2.json`. */

import assert from "node:assert/strict";
import * as orders from "./client.ts";

export async function round(baseUrl: string): Promise<void> {
  const options = { baseUrl };
  const draft: orders.NewOrder = { customer: { name: "Ada", email: "ada@example.com" }, price: { amount: 19.95, currency: "EUR" } };

  const made = await orders.createOrder(draft, options);
  assert(made.status === 201);
  const order: orders.Order = made.data;
  const { id, createdAt } = order;
  assert.deepEqual(order, { id, status: "open", ...draft, createdAt });

  const found = await orders.getOrder(id, options);
  assert(found.status === 200);
  assert.deepEqual(found.data, order);
  assert.equal(found.headers.get("deprecation"), null);

  const changed = await orders.updateOrder(id, { status: "paid" }, options);
  assert(changed.status === 200);
  assert.deepEqual(changed.data, { ...order, status: "paid" });

  await orders.createOrder({ ...draft, price: { amount: 0.55, currency: "CHF" } }, options);
  const paid = await orders.listOrders({ status: "paid", limit: 10 }, options);
  assert(paid.status === 200);
  assert.deepEqual(paid.data, { items: [changed.data], totalItems: 1 });

  const missing = await orders.getOrder("o-999", options);
  assert(missing.status === 404);
  assert.equal(missing.data.detail, "there is no order o-999");

  const conflict = await orders.updateOrder(id, { status: "open" }, options);
  assert(conflict.status === 409);
  assert.equal(conflict.data.detail, "a paid order stays paid");

  const refused = await orders.createOrder({ ...draft, price: { ...draft.price, amount: -1 } }, options);
  assert(refused.status === 422);
  assert.deepEqual(refused.data.errors?.map(({ pointer }) => pointer), ["#/price/amount"]);

  const wrong = await orders.listOrders({ limit: 1000 }, options);
  assert(wrong.status === 400);
  assert.deepEqual(wrong.data.errors?.map(({ parameter }) => parameter), ["limit"]);
}
