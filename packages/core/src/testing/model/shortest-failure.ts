import type { Command, JobDraft } from "./command.ts";

type Fails = (candidate: readonly Command[]) => Promise<boolean>;

/**
 * Removes as much as possible from a sequence that still fails: first commands, in ever smaller chunks, then parts of
 * the remaining commands.
 *
 * Property libraries shrink a list of fixed length item by item. Here the length must shrink.
 */
export async function shortestFailure(
  commands: readonly Command[],
  fails: Fails,
): Promise<readonly Command[]> {
  const shorter = await removeCommands(commands, fails);
  const plainer = await simplifyCommands(shorter, fails);
  return removeCommands(plainer, fails);
}

async function removeCommands(commands: readonly Command[], fails: Fails): Promise<readonly Command[]> {
  let shortest = commands;
  for (let size = Math.ceil(commands.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < shortest.length; ) {
      const candidate = [...shortest.slice(0, start), ...shortest.slice(start + size)];
      if (await fails(candidate)) shortest = candidate;
      else start += size;
    }
  }
  return shortest;
}

async function simplifyCommands(commands: readonly Command[], fails: Fails): Promise<readonly Command[]> {
  let plainest = commands;
  for (let index = 0; index < plainest.length; index++) {
    for (let changed = true; changed; ) {
      changed = false;
      for (const plainer of simplerForms(plainest[index]!)) {
        const candidate = plainest.with(index, plainer);
        if (!(await fails(candidate))) continue;
        plainest = candidate;
        changed = true;
        break;
      }
    }
  }
  return plainest;
}

/** Variants of the command with one part removed. */
function* simplerForms(command: Command): Iterable<Command> {
  if (command.do === "settle") {
    for (const outcomes of withoutEach(command.outcomes)) yield { ...command, outcomes };
    if (command.claim) yield { ...command, claim: null };
  }
  if ("claim" in command && command.claim && command.claim.run > 1) {
    yield { ...command, claim: { ...command.claim, run: 1 } };
  }
  if ("jobs" in command) for (const jobs of withoutEach(command.jobs)) yield { ...command, jobs };
  if (command.do === "subscribe") {
    const { filter } = command;
    for (const name of ["types", "queues", "messages", "jobs"] as const)
      if (filter[name] !== null) yield { ...command, filter: { ...filter, [name]: null } };
    if (filter.detail) yield { ...command, filter: { ...filter, detail: false } };
  }
  if (command.do === "recover" && command.beat) yield { ...command, beat: null };
  if (command.do !== "send") return;
  for (const batches of withoutEach(command.batches)) yield { ...command, batches };
  for (const [place, batch] of command.batches.entries()) {
    const put = (plainer: readonly JobDraft[]) => ({
      ...command,
      batches: command.batches.with(place, plainer),
    });
    for (const plainer of withoutEach(batch)) yield put(plainer);
    for (const [index, draft] of batch.entries()) {
      for (const plainer of simplerDrafts(draft)) yield put(batch.with(index, plainer));
    }
  }
}

const SIMPLEST = {
  repeat: null,
  queue: 0,
  messageType: 0,
  priority: 0,
  delay: 0,
  maxStalls: 3,
  retain: "long",
  ordering: null,
  dedupe: null,
  search: null,
} as const;

function* simplerDrafts(draft: JobDraft): Iterable<JobDraft> {
  for (const dependsOn of withoutEach(draft.dependsOn)) yield { ...draft, dependsOn };
  for (const name of Object.keys(SIMPLEST) as (keyof typeof SIMPLEST)[]) {
    if (draft[name] !== SIMPLEST[name]) yield { ...draft, [name]: SIMPLEST[name] };
  }
}

function* withoutEach<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (let index = 0; index < list.length; index++) yield list.toSpliced(index, 1);
}
