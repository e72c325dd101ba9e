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

/** Characters to insert, delete, replace, or swap with their neighbour. In UTF-16 units. */
function editDistance(from: string, to: string): number {
  let row = [...Array(to.length + 1).keys()];
  let before = row;
  for (const [i, unit] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const isSwap = i > 0 && j > 0 && unit === to[j - 1] && from[i - 1] === to[j];
      const cost = Math.min(row[j]! + (unit === to[j] ? 0 : 1), row[j + 1]! + 1, next[j]! + 1);
      next.push(isSwap ? Math.min(cost, before[j - 1]! + 1) : cost);
    }
    before = row;
    row = next;
  }
  return row[to.length]!;
}
