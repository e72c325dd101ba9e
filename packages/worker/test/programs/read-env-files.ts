import { loadEnvFiles } from "../../src/config/load-env-files.ts";

const before = loadEnvFiles(process.argv[2]!);
const values = (env: typeof before) => ["A", "B", "C", "D", "E"].map((name) => env[name] ?? "").join();
console.log(`${values(before)} ${values(process.env)}`);
