import type { Route } from "./route-table.ts";

export interface RouteMatch {
  /** The routes of this path, one a method. Empty: there is nothing at this address. */
  readonly routes: readonly Route[];
  readonly params: Readonly<Record<string, string>>;
}

/** The routes at a path that is given by its segments, decoded. */
export function matchRoute(routes: readonly Route[], segments: readonly string[]): RouteMatch {
  for (const { path } of routes) {
    const params = matchPath(path, segments);
    if (params) return { routes: routes.filter((route) => route.path === path), params };
  }
  return { routes: [], params: {} };
}

function matchPath(path: string, segments: readonly string[]): Record<string, string> | undefined {
  const pattern = path.split("/");
  if (pattern.length !== segments.length) return undefined;
  const params: [string, string][] = [];
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index]!;
    if (part.startsWith(":")) params.push([part.slice(1), segment]);
    else if (part !== segment) return undefined;
  }
  return Object.fromEntries(params);
}

/**
 * The segments of a path after its base, decoded once. `undefined` outside of the base, and for what can't be decoded.
 */
export function segmentsAfter(basePath: string, pathname: string): readonly string[] | undefined {
  if (pathname !== basePath && !pathname.startsWith(`${basePath}/`)) return undefined;
  try {
    return pathname.slice(basePath.length).split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
