/** An OpenID provider that others wrote, the package `oidc-provider`, at which people log in. */

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

/** The life of access tokens, in seconds: new ones are asked for after three quarters of it. */
const LIFE = 6;

/** Serves a provider on a free port until `end` is called. `admit` makes a client of the gateway at an origin. */
export async function serveLogins() {
  let handle = (_, response) => response.writeHead(503).end();
  const server = createServer((request, response) => handle(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const asked = {};

  const admit = (origin, secret) => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "RS256", use: "sig" };
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: "gateway",
          client_secret: secret,
          grant_types: ["authorization_code", "refresh_token"],
          redirect_uris: [`${origin}/oauth2/callback`],
          post_logout_redirect_uris: [`${origin}/bye`],
        },
      ],
      jwks: { keys: [key] },
      pkce: { required: () => true },
      ttl: { AccessToken: LIFE },
      cookies: { keys: [randomUUID()] },
    });
    provider.on("grant.success", ({ oidc }) => {
      const grant = oidc.params.grant_type;
      asked[grant] = (asked[grant] ?? 0) + 1;
    });
    provider.on("server_error", (_, error) => console.error(error));
    handle = provider.callback();
  };
  const end = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return { issuer, asked, admit, life: LIFE, end };
}
