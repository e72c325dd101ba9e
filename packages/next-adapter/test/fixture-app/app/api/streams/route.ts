import { connection } from "next/server";
import { routes } from "@/lib/routes";

/** For tests: how many streams this process has. */
export async function GET() {
  await connection();
  return Response.json({ streams: routes.streams });
}
