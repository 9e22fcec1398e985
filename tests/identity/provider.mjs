/** An identity provider that others wrote, the package `oidc-provider`, whose keys can be changed and which can be away. */

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

export const AUDIENCE = "https://api.example.com";

const CLIENT = { client_id: "service", client_secret: "a-secret-of-the-service" };

/** Serves a provider on a free port until `end` is called. */
export async function serveProvider() {
  const server = createServer();
  const listen = async (port) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await listen(0);
  const { port } = server.address();
  const issuer = `http://127.0.0.1:${port}`;

  let keys = [];
  let handle;
  const asked = {};
  server.on("request", (request, response) => {
    asked[request.url] = (asked[request.url] ?? 0) + 1;
    // The shortest life that a set of keys can have here, so that a minute without the provider outlasts it.
    if (request.url === "/jwks") response.setHeader("cache-control", "max-age=60");
    handle(request, response);
  });

  /** Signs with a new key from now on. The others stay published: what they signed is still good. */
  const rotate = () => {
    keys = [newKey(), ...keys];
    handle = provider(issuer, keys).callback();
  };
  rotate();

  /** A token by client credentials (RFC 6749 §4.4), for `resource` (RFC 8707), in the form of RFC 9068. */
  const token = async (resource = AUDIENCE) => {
    const body = new URLSearchParams({ grant_type: "client_credentials", scope: "orders:read", resource, ...CLIENT });
    const response = await fetch(`${issuer}/token`, { method: "POST", body });
    const answer = await response.json();
    if (!answer.access_token) throw new Error(`no token: ${JSON.stringify(answer)}`);
    return answer.access_token;
  };
  const leave = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return { issuer, asked, rotate, token, leave, comeBack: () => listen(port), end: leave };
}

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "RS256", use: "sig" };
}

function provider(issuer, keys) {
  const made = new Provider(issuer, {
    clients: [{ ...CLIENT, grant_types: ["client_credentials"], redirect_uris: [], response_types: [], token_endpoint_auth_method: "client_secret_post" }],
    scopes: ["orders:read"],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, audience) => ({
          scope: "orders:read",
          audience,
          accessTokenTTL: 3600,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    jwks: { keys },
  });
  made.on("server_error", (_, error) => console.error(error));
  return made;
}
