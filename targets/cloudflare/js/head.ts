/** Edits of heads, as the core writes them; `src/wire/mod.rs` describes the form. */

import { Edit, type Stated } from "./wire.gen.ts";

/** Fields that end at this hop (RFC 9110 §7.6.1, §11.7), but that the runtime would send on. */
const ENDING_HERE = [
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
  "http2-settings",
  "persistent-auth",
];

/** Applies the edits in `lines` from line `begin` to before line `end`. */
export function applyEdits(headers: Headers, lines: string[], begin: number, end: number): void {
  for (let at = begin; at < end; at += 1) {
    const line = lines[at]!;
    const name = line.slice(1);
    const edit = line[0] as Edit;
    switch (edit) {
      case Edit.Remove:
        headers.delete(name);
        break;
      case Edit.Set:
        at += 1;
        headers.set(name, lines[at]!);
        break;
      case Edit.Append:
        at += 1;
        headers.append(name, lines[at]!);
        break;
      case Edit.RemoveHopByHop:
        // They are rarely present, and a look-up is cheaper than a deletion.
        for (const ended of ENDING_HERE) if (headers.has(ended)) headers.delete(ended);
        break;
      case Edit.Rename:
        at += 1;
        rename(headers, name, lines[at]!);
        break;
      default:
        throw new TypeError(`no edit: ${edit satisfies never}`);
    }
  }
}

function rename(headers: Headers, from: string, to: string): void {
  // Lines of `Set-Cookie` must not be joined (RFC 9110 §5.3).
  const values = from === "set-cookie" ? headers.getSetCookie() : [headers.get(from)];
  if (values.length === 0 || values[0] === null) return;
  headers.delete(from);
  headers.delete(to);
  for (const value of values) headers.append(to, value!);
}

/** Set if Cloudflare's edge is in front: it states the client's address in a field that no client can set. */
let edge: boolean | undefined;

/** The address of the client's socket; empty if the edge states it. */
export function peerAddress(request: Request): string {
  edge ??= socketAddress(request) === undefined;
  return edge ? "" : (socketAddress(request) ?? "");
}

/** The address of the connection, without its port; only a stand-alone workerd tells it. */
function socketAddress(request: Request): string | undefined {
  const address = (request.cf as { clientIp?: string } | undefined)?.clientIp;
  if (address?.startsWith("[")) return address.slice(1, address.indexOf("]"));
  return address?.slice(0, address.lastIndexOf(":"));
}

/** What Cloudflare's edge says of a client, as far as anything asks for it. */
interface Edge {
  country?: string | null;
  asn?: number;
  /** What the client has shown in TLS; placeholders if that is nothing. */
  tlsClientAuth?: { [name: `cert${string}`]: string | undefined } | null;
}

/** The line of what the edge says of the client of `request`: of `Stated`, what has its bit in `asked`. */
export function stated({ cf }: Request, asked: number): string {
  const { country, asn, tlsClientAuth } = (cf ?? {}) as Edge;
  const shown = tlsClientAuth ?? {};
  // In the order of `Stated`.
  const said: Record<keyof typeof Stated, unknown> = {
    Country: country,
    Asn: asn,
    Presented: shown.certPresented,
    Verified: shown.certVerified,
    Revoked: shown.certRevoked,
    Sha256: shown.certFingerprintSHA256,
    Subject: shown.certSubjectDNRFC2253,
    Issuer: shown.certIssuerDNRFC2253,
    Serial: shown.certSerial,
    Expires: shown.certNotAfter && Date.parse(shown.certNotAfter) / 1_000,
    ClientCert: shown.certRFC9440,
  };
  const texts = Object.values(said).map((text, bit) => (asked & (1 << bit) ? String(text ?? "").replace(/[\t\n]/g, " ") : ""));
  return texts.join("\t");
}
