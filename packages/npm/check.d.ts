/**
 * Returns the mistakes of the configuration `text` for Cloudflare Workers, in words for a terminal; an empty text if there are none.
 * Without `bindings`, every secret and variable is assumed to be set.
 */
export function check(text: string, bindings?: Record<string, string>): string;
