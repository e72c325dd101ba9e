import type { CommandEntry } from "./command.ts";

/** Every command, grouped as in the help. Each is loaded when it is run. */
export const COMMANDS: Readonly<Record<string, readonly CommandEntry[]>> = {
  Run: [
    {
      name: "worker",
      summary: "runs the workers of the config until a signal stops them",
      load: async () => (await import("./commands/worker.ts")).workerCommand,
    },
  ],
  Look: [
    {
      name: "stats",
      summary: "shows what happened in the last 5 minutes: rates, failures, times",
      load: async () => (await import("./commands/stats.ts")).statsCommand,
    },
    {
      name: "health",
      summary: "says whether all is well, and what to do if not",
      load: async () => (await import("./commands/health.ts")).healthCommand,
    },
    {
      name: "queues",
      summary: "shows how many jobs of each state are in each queue",
      load: async () => (await import("./commands/queues.ts")).queuesCommand,
    },
    {
      name: "jobs",
      summary: "lists the jobs that a query selects, newest first",
      load: async () => (await import("./commands/jobs.ts")).jobsCommand,
    },
    {
      name: "job",
      summary: "shows one job: data, attempts, errors, why it waits, log, graph",
      load: async () => (await import("./commands/job.ts")).jobCommand,
    },
    {
      name: "workers",
      summary: "lists the live workers and what they run",
      load: async () => (await import("./commands/workers.ts")).workersCommand,
    },
    {
      name: "failures",
      summary: "groups failures that are alike: what fails, since when, how often",
      load: async () => (await import("./commands/failures.ts")).failuresCommand,
    },
    {
      name: "wait",
      summary: "waits until a job has ended, and prints its result",
      load: async () => (await import("./commands/wait.ts")).waitCommand,
    },
    {
      name: "tail",
      summary: "prints what happens to jobs, as it happens, until Ctrl-C",
      load: async () => (await import("./commands/tail.ts")).tailCommand,
    },
    {
      name: "top",
      summary: "a live view: queues, rates, workers, what runs longest, what failed last",
      load: async () => (await import("./commands/top.ts")).topCommand,
    },
  ],
  Change: [
    {
      name: "retry",
      summary: "runs failed and cancelled jobs again, with all their attempts",
      load: async () => (await import("./commands/retry.ts")).retryCommand,
    },
    {
      name: "cancel",
      summary: "cancels jobs that haven't ended; handlers that run are told to stop",
      load: async () => (await import("./commands/cancel.ts")).cancelCommand,
    },
    {
      name: "promote",
      summary: "makes scheduled jobs due now, and those that wait for their next attempt",
      load: async () => (await import("./commands/promote.ts")).promoteCommand,
    },
    {
      name: "remove",
      summary: "deletes jobs for good",
      load: async () => (await import("./commands/remove.ts")).removeCommand,
    },
  ],
  Configure: [
    {
      name: "check",
      summary: "checks the config, and starts nothing",
      load: async () => (await import("./commands/check.ts")).checkCommand,
    },
  ],
};
