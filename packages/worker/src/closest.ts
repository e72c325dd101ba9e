import { distance } from "fastest-levenshtein";

/** The name closest to a misspelt one, if any is close. */
export function closest(given: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({
      name,
      distance: given.length > 1 && name.startsWith(given) ? 1 : distance(given, name),
    }))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0] && ranked[0].distance <= Math.max(1, given.length / 3) ? ranked[0].name : undefined;
}
