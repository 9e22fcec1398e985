/** Heads of messages as the core tells them; `src/wire/mod.rs` says how. */

/** Of the fields that end at this hop (RFC 9110 §7.6.1, §11.7), those that the runtime would send on. */
const ENDING_HERE = [
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
  "http2-settings",
];

/** Applies the edits in `lines` from line `begin` to before line `end`. */
export function applyEdits(headers: Headers, lines: string[], begin: number, end: number): void {
  for (let at = begin; at < end; at += 1) {
    const line = lines[at]!;
    const name = line.slice(1);
    switch (line[0]) {
      case "-":
        headers.delete(name);
        break;
      case "=":
        at += 1;
        headers.set(name, lines[at]!);
        break;
      case "+":
        at += 1;
        headers.append(name, lines[at]!);
        break;
      case "~":
        for (const ended of ENDING_HERE) headers.delete(ended);
        break;
      default:
        at += 1;
        rename(headers, name, lines[at]!);
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

/** Whether Cloudflare's edge is in front: it states the client's address in a field that no client can set. */
let edge: boolean | undefined;

/** The address of the client's socket; empty where the edge states it. */
export function peerAddress(request: Request): string {
  edge ??= socketAddress(request) === undefined;
  return edge ? "" : (socketAddress(request) ?? "");
}

/** The address of the connection, without its port; only workerd by itself tells it. */
function socketAddress(request: Request): string | undefined {
  const address = (request.cf as { clientIp?: string } | undefined)?.clientIp;
  if (address?.startsWith("[")) return address.slice(1, address.indexOf("]"));
  return address?.slice(0, address.lastIndexOf(":"));
}
