import type { Scenario } from "../scenario.ts";
import { blockEventLoop } from "./block-event-loop.ts";
import { clientKill } from "./client-kill.ts";
import { clocksApart } from "./clocks-apart.ts";
import { failoverLosesClaims } from "./failover-loses-claims.ts";
import { fairShareBulk, fairShareSingle, fairShareWarm, fairShareWide } from "./fair-share.ts";
import { freezePastLease } from "./freeze-past-lease.ts";
import { gracefulExit } from "./graceful-exit.ts";
import { keysDamaged } from "./keys-damaged.ts";
import { killAfterClaim } from "./kill-after-claim.ts";
import { killBeforeAnswer } from "./kill-before-answer.ts";
import { killBeforeSettle } from "./kill-before-settle.ts";
import { killIdle } from "./kill-idle.ts";
import { killInHandler } from "./kill-in-handler.ts";
import { killWhileHeartbeating } from "./kill-while-heartbeating.ts";
import { outageCutLong, outageCutShort, outageFrozenLong, outageFrozenShort } from "./outage.ts";
import { plannedFailover } from "./planned-failover.ts";
import { producerHalfOpen } from "./producer-half-open.ts";
import { producerLosesReply } from "./producer-loses-reply.ts";
import { producerLosesRequest } from "./producer-loses-request.ts";
import { proxyStorm } from "./proxy-storm.ts";
import { redisFull } from "./redis-full.ts";
import { redisRestartAlways } from "./redis-restart-always.ts";
import { redisRestartEverysec } from "./redis-restart-everysec.ts";
import { rollingRestart } from "./rolling-restart.ts";
import { scriptFlush } from "./script-flush.ts";
import { subscriptionLost } from "./subscription-lost.ts";
import { urgentFirst } from "./urgent-first.ts";
import { workerHalfOpen } from "./worker-half-open.ts";
import { workerLosesReply, workerLosesRequest } from "./worker-loses-settle.ts";

/** Scenarios by what they break: workers, the server, the network, or nothing. */
export const SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  workers: [
    killAfterClaim,
    killInHandler,
    killBeforeSettle,
    killBeforeAnswer,
    killWhileHeartbeating,
    killIdle,
    freezePastLease,
    blockEventLoop,
    clocksApart,
    gracefulExit,
    rollingRestart,
  ],
  server: [
    redisRestartAlways,
    redisRestartEverysec,
    redisFull,
    scriptFlush,
    clientKill,
    subscriptionLost,
    plannedFailover,
    failoverLosesClaims,
    keysDamaged,
    outageFrozenShort,
    outageFrozenLong,
  ],
  network: [
    producerLosesRequest,
    producerLosesReply,
    producerHalfOpen,
    workerLosesRequest,
    workerLosesReply,
    workerHalfOpen,
    outageCutShort,
    outageCutLong,
    proxyStorm,
  ],
  fairness: [fairShareBulk, fairShareSingle, fairShareWarm, fairShareWide, urgentFirst],
};
