/** A request of a page of the same site, as a browser sends it. */
export function request(
  path: string,
  init: RequestInit & { readonly user?: string; readonly json?: unknown } = {},
) {
  const { user, json, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (user !== undefined) headers.set("x-user", user);
  const method = rest.method ?? (json === undefined ? "GET" : "POST");
  if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
  if (!headers.has("sec-fetch-site")) headers.set("sec-fetch-site", "same-origin");
  return new Request(`http://app.test/api/queue/${path}`, {
    ...rest,
    method,
    headers,
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
}
