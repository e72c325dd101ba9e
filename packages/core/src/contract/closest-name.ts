/** The name that was meant by one that is misspelt or cut short, if there is one. */
export function closestName(given: string, names: readonly string[]): string | undefined {
  // No name is that long, and the comparison takes the product of both lengths.
  if (given.length < 3 || given.length > 40) return undefined;
  let closest: string | undefined;
  let most = given.length / 3;
  for (const name of names) {
    const distance = name.startsWith(given) ? 0 : editDistance(given, name);
    if (distance <= most) {
      closest = name;
      most = distance - 1;
    }
  }
  return closest;
}

/** Units to insert, drop or replace. */
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
