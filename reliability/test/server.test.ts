import { SCENARIOS } from "../src/scenarios/index.ts";
import { playAll } from "./play.ts";

playAll("server", SCENARIOS.server!);
