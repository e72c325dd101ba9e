/** The known name closest to a misspelt or truncated one, if any is close. */
export function closestName(given: string, names: readonly string[]): string | undefined {
  // The comparison costs the product of both lengths, and no name is longer than 40.
  if (given.length < 3 || given.length > 40) return undefined;
  let closest: string | undefined;
  let maxDistance = given.length / 3;
  for (const name of names) {
    const distance = name.startsWith(given) ? 0 : editDistance(given, name);
    if (distance <= maxDistance) {
      closest = name;
      maxDistance = distance - 1;
    }
  }
  return closest;
}

/** Levenshtein distance, in UTF-16 units. */
function editDistance(from: string, to: string): number {
  let row = [...Array(to.length + 1).keys()];
  for (const [i, unit] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(row[j]! + (unit === to[j] ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
