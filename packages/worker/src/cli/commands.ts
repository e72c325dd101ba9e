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
      name: "send",
      summary: "sends a job, its data checked by the message's schema",
      load: async () => (await import("./commands/send.ts")).sendCommand,
    },
    {
      name: "retry",
      summary: "runs failed and cancelled jobs again, with all their attempts",
      load: async () => (await import("./commands/retry.ts")).retryCommand,
    },
    {
      name: "cancel",
      summary: "cancels jobs that haven't ended, also running ones",
      load: async () => (await import("./commands/cancel.ts")).cancelCommand,
    },
    {
      name: "promote",
      summary: "makes scheduled jobs due now, retries among them",
      load: async () => (await import("./commands/promote.ts")).promoteCommand,
    },
    {
      name: "remove",
      summary: "deletes jobs for good",
      load: async () => (await import("./commands/remove.ts")).removeCommand,
    },
    {
      name: "clean",
      summary: "removes old jobs of one state, oldest first",
      load: async () => (await import("./commands/clean.ts")).cleanCommand,
    },
    {
      name: "drain",
      summary: "removes all jobs of a queue that wait to run",
      load: async () => (await import("./commands/drain.ts")).drainCommand,
    },
    {
      name: "pause",
      summary: "stops queues from handing out jobs",
      load: async () => (await import("./commands/pause.ts")).pauseCommand,
    },
    {
      name: "resume",
      summary: "lets paused queues hand out jobs again",
      load: async () => (await import("./commands/resume.ts")).resumeCommand,
    },
  ],
  Configure: [
    {
      name: "check",
      summary: "checks the config, and starts nothing",
      load: async () => (await import("./commands/check.ts")).checkCommand,
    },
    {
      name: "doctor",
      summary: "looks at Node, config, Redis, Postgres and contracts: what to fix",
      load: async () => (await import("./commands/doctor.ts")).doctorCommand,
    },
    {
      name: "migrate",
      summary: "brings the queue's tables in Postgres up to date",
      load: async () => (await import("./commands/migrate.ts")).migrateCommand,
    },
  ],
};
