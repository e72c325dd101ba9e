import { distance } from "fastest-levenshtein";

/** The name closest to a misspelt one, if any is close. */
export function closest(given: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, distance: isNear(given, name) ? 1 : distance(given, name) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0] && ranked[0].distance <= Math.max(1, given.length / 3) ? ranked[0].name : undefined;
}

/** Whether it is the beginning of the name, or has two neighbours swapped. */
function isNear(given: string, name: string): boolean {
  if (given.length > 1 && name.startsWith(given)) return true;
  const first = [...given].findIndex((unit, index) => unit !== name[index]);
  const swapped = `${given.slice(0, first)}${given[first + 1]}${given[first]}${given.slice(first + 2)}`;
  return first >= 0 && swapped === name;
}
