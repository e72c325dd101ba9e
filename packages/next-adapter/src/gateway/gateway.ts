import { type Logger, type Message, QueueError, toWire } from "@org/queue";
import { AccessControl } from "../access/access-control.ts";
import { describeError } from "../access/refusal.ts";
import type { WireError } from "../protocol/refusals.ts";
import { LiveHub, type LiveHubParts } from "../stream/live-hub.ts";
import type { TokenOptions } from "../tokens/access-token.ts";
import { type GatewayOptions, resolveBounds } from "./gateway-options.ts";
import { JobGateway } from "./job-gateway.ts";
import { ReportGateway, toPublicHealth } from "./report-gateway.ts";
import { SendGateway } from "./send-gateway.ts";
import { StatusGateway, type StatusSource } from "./status-gateway.ts";

/** Milliseconds. */
const LOG_INTERVAL = 60_000;

/** What only routes have. */
interface RouteParts {
  readonly statuses?: Readonly<Record<string, StatusSource>>;
  readonly tokens?: TokenOptions;
}

/** Everything that clients may ask for, behind the app's `authorize`. Server actions and routes only translate. */
export class Gateway {
  readonly access: AccessControl;
  readonly sends: SendGateway;
  readonly jobs: JobGateway;
  readonly statuses: StatusGateway;
  readonly reports: ReportGateway;
  readonly #logger: Logger;
  #loggedAt = 0;
  readonly #live: Pick<LiveHubParts, "queue" | "statuses" | "show">;

  /** @throws {QueueError} `INVALID_OPTIONS`. */
  constructor(
    what: string,
    { queue, authorize, show = [], bounds, logger = console }: GatewayOptions,
    { statuses = {}, tokens }: RouteParts = {},
  ) {
    if (typeof queue?.getMany !== "function") {
      throw new QueueError(
        "INVALID_OPTIONS",
        `${what}: \`queue\` is missing. Pass what createQueue returns.`,
      );
    }
    this.#logger = logger;
    this.#live = { queue, statuses, show: new Set(show) };
    this.access = new AccessControl(what, authorize, tokens);
    this.jobs = new JobGateway({ queue, access: this.access, show: new Set(show) });
    this.sends = new SendGateway({
      queue,
      access: this.access,
      jobs: this.jobs,
      bounds: resolveBounds(what, bounds),
    });
    this.statuses = new StatusGateway(statuses, this.access);
    this.reports = new ReportGateway(queue, this.access);
  }

  /** The source of what clients follow live. */
  openHub(): LiveHub {
    const { queue, statuses, show } = this.#live;
    return new LiveHub({
      queue,
      statuses,
      show,
      readStats: async () => toWire(await queue.stats()),
      readHealth: async () => toPublicHealth(await queue.health()),
      onError: (error) => this.#reportFollowing(error),
    });
  }

  /** What is followed is read again and again: an outage is logged once a minute. */
  #reportFollowing(thrown: unknown): WireError {
    const { error, status } = describeError(thrown);
    if (status >= 500 && Date.now() - this.#loggedAt >= LOG_INTERVAL) {
      this.#loggedAt = Date.now();
      this.report(thrown, "Reading what clients follow");
    }
    return error;
  }

  /** What a client sees of an error. What isn't the client's doing is logged. */
  report(thrown: unknown, doing: string): { readonly status: number; readonly error: WireError } {
    const described = describeError(thrown);
    if (described.status >= 500) this.#logger.error(`@org/queue-next: ${doing} failed:`, thrown);
    return described;
  }
}

/** Options of any registry's queue. */
export function untyped<M extends Message>(options: GatewayOptions<M>): GatewayOptions {
  return options as unknown as GatewayOptions;
}
