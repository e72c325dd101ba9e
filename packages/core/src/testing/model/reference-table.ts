import type { Lease } from "../../engine/core.ts";
import type { Command, DependencyDraft, JobDraft, LeaseDraft, Reference } from "./command.ts";
import { modelId } from "./hostile-input.ts";

/** The jobs and leases of a session. Resolves the references of commands. */
export class ReferenceTable {
  /** Ids of stored jobs, oldest first. */
  readonly ids: string[] = [];
  /** Every lease ever granted, oldest first. */
  readonly leases: Lease[] = [];
  #named = 0;
  readonly #used = new Set<string>();

  job(reference: Reference): string | undefined {
    return typeof reference === "string" ? reference : recent(this.ids, reference);
  }

  /** The job of a recent lease. */
  held(reference: Reference): string | undefined {
    return typeof reference === "string" ? reference : recent(this.leases, reference)?.id;
  }

  /** A job that may yet be sent. */
  watched(reference: Reference): string | undefined {
    return typeof reference === "number" && reference < 0
      ? modelId(this.#named - reference)
      : this.job(reference);
  }

  lease({ lease, skew, isForeign }: LeaseDraft): Lease | undefined {
    const found = typeof lease === "string" ? this.#namedLease(lease) : recent(this.leases, lease);
    if (found === undefined) return undefined;
    const token = isForeign === true ? `${found.token}0` : found.token;
    return { id: found.id, epoch: found.epoch + skew, token };
  }

  /** The ids of a batch's jobs. A draft without an id gets the next one. */
  name(batch: readonly JobDraft[]): readonly string[] {
    return batch.map(({ id, repeat }) => {
      const repeated = repeat === null ? undefined : this.job(repeat);
      return repeated ?? id ?? modelId(++this.#named);
    });
  }

  /** Notes that a job is sent with this id. Answers whether none was before. */
  use(id: string): boolean {
    return this.#used.size < this.#used.add(id).size;
  }

  /** The job that a dependency in a batch refers to. */
  dependency({ on, index }: DependencyDraft, ids: readonly string[]): string | undefined {
    if (typeof index === "string") return index;
    if (on === "batch") return ids[index % ids.length];
    return on === "earlier" ? this.job(index) : "nowhere";
  }

  /** The command with all references by name. */
  concrete(command: Command): Command {
    switch (command.do) {
      case "send": {
        let named = this.#named;
        const nextId = () => modelId(++named);
        return { ...command, batches: command.batches.map((batch) => this.#concreteBatch(batch, nextId)) };
      }
      case "settle":
        return { ...command, outcomes: this.#concreteLeases(command.outcomes) };
      case "extend":
        return { ...command, leases: this.#concreteLeases(command.leases) };
      case "release":
        return { ...command, releases: this.#concreteLeases(command.releases) };
      case "cancel":
      case "retry":
      case "promote":
        return { ...command, jobs: command.jobs.flatMap((job) => this.job(job) ?? []) };
      case "remove": {
        const resolve = (job: Reference) => (command.force ? this.held(job) : this.job(job)) ?? [];
        return { ...command, jobs: command.jobs.flatMap(resolve) };
      }
      case "subscribe": {
        const jobs = command.filter.jobs?.flatMap((job) => this.watched(job) ?? []) ?? null;
        return { ...command, filter: { ...command.filter, jobs } };
      }
      default:
        return command;
    }
  }

  #concreteBatch(batch: readonly JobDraft[], nextId: () => string): readonly JobDraft[] {
    const ids = batch.map(({ repeat }) => (repeat === null ? undefined : this.job(repeat)) ?? nextId());
    return batch.map((draft, index) => ({
      ...draft,
      id: ids[index]!,
      repeat: null,
      dependsOn: draft.dependsOn.flatMap((dependency) => {
        const id = this.dependency(dependency, ids);
        return id === undefined ? [] : [{ ...dependency, index: id }];
      }),
    }));
  }

  #namedLease(text: string): Lease {
    const [id, epochText] = text.split("@");
    const epoch = Number(epochText);
    return (
      this.leases.find((lease) => lease.id === id && lease.epoch === epoch) ?? { id: id!, epoch, token: "" }
    );
  }

  #concreteLeases<D extends LeaseDraft>(drafts: readonly D[]): readonly D[] {
    return drafts.flatMap((draft) => {
      const lease = this.lease(draft);
      return lease ? [{ ...draft, lease: `${lease.id}@${lease.epoch - draft.skew}` }] : [];
    });
  }
}

function recent<T>(list: readonly T[], recency: number): T | undefined {
  return list.length === 0 ? undefined : list[list.length - 1 - (recency % list.length)];
}
