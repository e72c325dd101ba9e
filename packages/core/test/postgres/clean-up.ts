/** Runs for each test file, also in a process that has run others before. */
import { afterAll, afterEach } from "vitest";
import { cleanUp, dropDatabases } from "./support.ts";

afterEach(cleanUp, 60_000);
afterAll(dropDatabases, 60_000);
