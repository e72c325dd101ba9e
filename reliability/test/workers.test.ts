import { SCENARIOS } from "../src/scenarios/index.ts";
import { playAll } from "./play.ts";

playAll("workers", SCENARIOS.workers!);
