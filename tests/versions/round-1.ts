/** Calls of the first version, by the client that is made of `orders-1.json`: the test puts both into one folder. */

import assert from "node:assert/strict";
import * as orders from "./client.ts";

export async function round(baseUrl: string): Promise<void> {
  const options = { baseUrl };
  const draft: orders.NewOrder = { customer_name: "Ada", customer_email: "ada@example.com", amount: "19.95", currency: "EUR" };

  const made = await orders.createOrder(draft, options);
  assert(made.status === 200);
  const order: orders.Order = made.data;
  const { id, created_at } = order;
  assert.deepEqual(order, { id, state: "open", ...draft, created_at });

  const found = await orders.getOrder(id, options);
  assert(found.status === 200);
  assert.deepEqual(found.data, order);
  assert.equal(found.headers.get("deprecation"), "@1767225600");

  const changed = await orders.updateOrder(id, { state: "paid" }, options);
  assert(changed.status === 200);
  assert.deepEqual(changed.data, { ...order, state: "paid" });

  await orders.createOrder({ ...draft, amount: "0.55" }, options);
  const paid = await orders.listOrders({ state: "paid", perPage: 10 }, options);
  assert(paid.status === 200);
  assert.deepEqual(paid.data, { orders: [changed.data], count: 1 });

  const missing = await orders.getOrder("o-999", options);
  assert(missing.status === 404);
  assert.deepEqual(missing.data, { error: { message: "there is no order o-999", status: 404 } });

  const conflict = await orders.updateOrder(id, { state: "open" }, options);
  assert(conflict.status === 409);
  assert.equal(conflict.data.error.message, "a paid order stays paid");

  const refused = await orders.createOrder({ ...draft, amount: "much" }, options);
  assert(refused.status === 422);
  assert.deepEqual(refused.data.errors?.map(({ pointer }) => pointer), ["#/amount"]);

  const wrong = await orders.listOrders({ perPage: 1000 }, options);
  assert(wrong.status === 400);
  assert.deepEqual(wrong.data.errors?.map(({ parameter }) => parameter), ["per_page"]);
}
