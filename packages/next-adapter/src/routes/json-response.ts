import type { WireError } from "../protocol/refusals.ts";

/** Answers are one user's: no shared cache may keep them, and a browser asks again before it uses its copy. */
const HEADERS = {
  "cache-control": "private, no-cache",
  "content-type": "application/json; charset=utf-8",
  "x-content-type-options": "nosniff",
  vary: "Cookie, Authorization",
};

export function jsonResponse(
  value: unknown,
  init: { readonly status?: number; readonly headers?: HeadersInit } = {},
) {
  const headers = new Headers(HEADERS);
  for (const [name, text] of new Headers(init.headers)) headers.set(name, text);
  return new Response(JSON.stringify(value), { status: init.status ?? 200, headers });
}

export function errorResponse(error: WireError, status: number, headers?: HeadersInit): Response {
  return jsonResponse({ error }, { status, ...(headers && { headers }) });
}

/** 304 for a client that has this answer already. It comes after the client's rights were checked. */
export async function taggedResponse(request: Request, value: unknown): Promise<Response> {
  const text = JSON.stringify(value);
  const etag = `"${await digest(text)}"`;
  const known = request.headers.get("if-none-match")?.split(",") ?? [];
  if (known.some((tag) => tag.trim().replace(/^W\//, "") === etag)) {
    const { "cache-control": cache, vary } = HEADERS;
    return new Response(null, { status: 304, headers: { etag, "cache-control": cache, vary } });
  }
  return new Response(text, { headers: { ...HEADERS, etag } });
}

/** Of 64 bits: enough to tell one client's answers of one address apart. */
async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Buffer.from(hash.slice(0, 12)).toString("base64url");
}
