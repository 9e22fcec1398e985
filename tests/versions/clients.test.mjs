/**
 * Two versions of an API in front of a service that knows the newer one alone: each by a client that `oazapfts` makes of the
 * version's own OpenAPI document. At the native program and at the Worker on workerd.
 *
 *     node_modules/.bin/node --test tests/versions/clients.test.mjs
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { serveNative } from "../runtime/native.mjs";
import { serveWorker } from "../runtime/workerd.mjs";
import { serveOrders } from "./upstream.mjs";

const run = promisify(execFile);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const modules = here("../../node_modules");
const tool = (name) => join(modules, ".bin", name);
const document = (version) => JSON.parse(readFileSync(here(`orders-${version}.json`), "utf8"));

const secrets = { ADMIN_TOKEN: "0123456789abcdef0123456789abcdef" };
const targets = {
  native: (config) => serveNative({ server: { listen: "127.0.0.1:0" }, ...config }, secrets),
  workerd: (config) => serveWorker(config, undefined, { secrets }),
};

/** An order of the second version as the first has it; what is not there stays away. */
const asFirst = [
  { flatten: { "/customer": "customer_", "/price": "" } },
  { rename: { "/status": "state", "/createdAt": "created_at" } },
  { convert: { "/amount": "string" } },
];

const config = (upstream) => ({
  admin: { token: { secret: "ADMIN_TOKEN" } },
  upstreams: { orders: { url: upstream } },
  openapi: { "orders-1": document(1), "orders-2": document(2) },
  apis: [
    {
      name: "shop",
      prefix: "/shop",
      upstream: "orders",
      openapi: { document: "orders-2", response: "report", undeclared: { query: "refuse" } },
      versions: {
        from: [{ path: "v{version}" }],
        list: {
          1: {
            from: "2",
            openapi: { document: "orders-1", undeclared: { query: "refuse" } },
            deprecated: "2026-01-01",
            successor: "2",
            request: {
              query: { rename: { state: "status", per_page: "limit" } },
              body: {
                json: [
                  { rename: { "/state": "status" } },
                  { convert: { "/amount": "number" } },
                  { move: { "/customer_name": "/customer/name", "/customer_email": "/customer/email", "/amount": "/price/amount", "/currency": "/price/currency" } },
                ],
              },
            },
            response: {
              status: { 201: 200 },
              body: {
                statuses: ["2xx"],
                json: [{ rename: { "/items": "orders", "/totalItems": "count" } }, { each: { in: "$.orders[*]", steps: asFirst } }, ...asFirst],
              },
            },
            policies: [
              {
                response: {
                  body: {
                    statuses: ["4xx"],
                    json: [{ move: { "/detail": "/error/message", "/status": "/error/status" } }, { pick: ["$.error"] }],
                  },
                },
              },
            ],
          },
          2: {},
        },
      },
      routes: [{ name: "all" }],
    },
  ],
});

let folder;

/** Puts `round-ROUND.ts` beside a client for `version`, and returns its path once TypeScript has nothing against it. */
async function compiled(round, version) {
  const own = join(folder, `${round}-${version}`);
  mkdirSync(own);
  await run(process.execPath, [tool("oazapfts"), here(`orders-${version}.json`), join(own, "client.ts")]);
  copyFileSync(here(`round-${round}.ts`), join(own, "round.ts"));
  const compilerOptions = {
    target: "es2024", module: "nodenext", lib: ["es2024", "dom", "dom.iterable"], types: ["node"], strict: true, skipLibCheck: true,
    verbatimModuleSyntax: true, erasableSyntaxOnly: true, allowImportingTsExtensions: true, noEmit: true,
  };
  writeFileSync(join(own, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["round.ts"] }));
  await run(process.execPath, [tool("tsc"), "--project", own]);
  return join(own, "round.ts");
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "edgeway-clients-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(modules, join(folder, "node_modules"));
});

after(() => rmSync(folder, { recursive: true }));

test("a client of one version does not do for the calls of the other", async () => {
  await assert.rejects(compiled(1, 2), ({ stdout }) => /round\.ts.*customer_name/.test(stdout));
});

/** The numbers of requests and of responses by what the descriptions say of them. */
async function checks(origin) {
  const response = await fetch(`${origin}/.edgeway/metrics`, { headers: { authorization: `Bearer ${secrets.ADMIN_TOKEN}` } });
  const lines = (await response.text()).matchAll(/^edgeway_openapi_checks_total\{.*of="(\w+)",outcome="(\w+)"\} (\d+)$/gm);
  const counts = {};
  for (const [, of, outcome, count] of lines) counts[`${of} ${outcome}`] = (counts[`${of} ${outcome}`] ?? 0) + Number(count);
  return counts;
}

describe("clients that are made of OpenAPI documents", () => {
  let rounds;
  before(async () => {
    const files = await Promise.all([compiled(1, 1), compiled(2, 2)]);
    rounds = await Promise.all(files.map((file) => import(pathToFileURL(file).href)));
  });

  for (const [target, serve] of Object.entries(targets)) {
    test(`${target}: those of two versions get from one upstream what their documents say`, async () => {
      for (const [index, { round }] of rounds.entries()) {
        const upstream = await serveOrders();
        const gateway = await serve(config(upstream.url));
        try {
          const origin = `http://127.0.0.1:${gateway.port}`;
          await round(`${origin}/shop/v${index + 1}`);
          assert.deepEqual(upstream.strangers, []);
          // Two of the nine calls are refused, and are not sent on. What the upstream answers is held to the document of the second version.
          assert.deepEqual(await checks(origin), { "request valid": 7, "request invalid": 2, "response valid": 7 });
        } finally {
          await gateway.end();
          upstream.end();
        }
      }
    });
  }
});
