"use client";

import { createHooks } from "@org/queue-next/react";
import { useState } from "react";
import type { registry } from "@/lib/messages";

const { useJobs, useJob, useSend } = createHooks<typeof registry>();

export function Jobs() {
  const { jobs, connection, loading, error } = useJobs({ user: "me" });
  const { send, isPending, error: sendError, jobId } = useSend("SAVE");
  const { job } = useJob(jobId);
  const [text, setText] = useState("hello");
  return (
    <section>
      <p data-testid="connection">{connection}</p>
      <p data-testid="loading">{loading ? "loading" : "loaded"}</p>
      <p role="alert">{sendError?.message ?? error?.message ?? ""}</p>
      <label>
        Text <input value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      <button type="button" onClick={() => send({ text })} disabled={isPending}>
        Save
      </button>
      <button type="button" onClick={() => send({ text, fail: true })}>
        Fail
      </button>
      <button type="button" onClick={() => send({ text, wait: 30_000 })}>
        Wait
      </button>
      <button
        type="button"
        onClick={() => {
          for (let index = 0; index < 50; index++) send({ text: `${text} ${index}` });
        }}
      >
        Save fifty
      </button>
      <p data-testid="latest">{job ? `${job.state} ${job.result?.length ?? ""}` : ""}</p>
      <ul>
        {jobs.map((one) => (
          <li key={one.id} data-id={one.id}>
            {one.state}
          </li>
        ))}
      </ul>
    </section>
  );
}
