/** The glue's own answer. */

/** The last resort, if the core can't answer: it makes every other answer. */
export function refusal(): Response {
  const id = crypto.randomUUID().replaceAll("-", "");
  const problem = {
    type: "urn:edgeway:problem:internal",
    title: "Internal error",
    status: 500,
    detail: "the gateway failed to handle the request",
    instance: `urn:edgeway:request:${id}`,
    code: "internal",
  };
  const headers = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": id,
  };
  return new Response(JSON.stringify(problem), { status: 500, headers });
}
