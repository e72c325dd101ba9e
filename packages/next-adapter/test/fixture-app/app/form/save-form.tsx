"use client";

import { useActionState } from "react";
import { saveForm } from "../actions";

export function SaveForm() {
  const [result, action, isPending] = useActionState(saveForm, null);
  return (
    <form action={action}>
      <label>
        Text <input name="text" />
      </label>
      <button type="submit" disabled={isPending}>
        Save
      </button>
      <p role="status">{result?.success ? `Saved as ${result.data.jobId}` : ""}</p>
      <p role="alert">
        {result && !result.success ? `${result.error.message} ${result.error.issues?.[0]?.path ?? ""}` : ""}
      </p>
    </form>
  );
}
