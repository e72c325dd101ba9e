import type { Authorize } from "@org/queue-next/actions";
import { cookies } from "next/headers";
import type { registry } from "./messages";

type AppMessage = (typeof registry.messages)[number];

/** The name of the user is the whole session here. */
export const authorize: Authorize<AppMessage> = async (access) => {
  const user = (await cookies()).get("user")?.value;
  if (!user) return null;
  if (user === "admin") return { userId: user, allow: true };
  return { userId: user, allow: access.action === "send" && access.message === "SAVE" };
};
