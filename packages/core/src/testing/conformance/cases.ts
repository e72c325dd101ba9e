import type { ConformanceCase } from "./case.ts";
import { boundedCascadeCases } from "./engine/bounded-cascades.ts";
import { brokenRunCases } from "./engine/broken-runs.ts";
import { cancelCases } from "./engine/cancel.ts";
import { claimingCases, fenceCases, settlingCases } from "./engine/claiming.ts";
import { dedupeCases } from "./engine/deduplication.ts";
import { dependencyCases } from "./engine/dependencies.ts";
import { dependencyFailureCases, retriedDependentCases } from "./engine/dependency-failures.ts";
import { edgeCases } from "./engine/edges.ts";
import { eventCases } from "./engine/events.ts";
import { failureCases } from "./engine/failure.ts";
import { failureGroupCases } from "./engine/failure-groups.ts";
import { guardedOperationCases } from "./engine/guarded-operations.ts";
import { heldKeyCases } from "./engine/held-ordering-keys.ts";
import { hostileTextCases } from "./engine/hostile-text.ts";
import { leaseCases, releaseCases, stallCases } from "./engine/leases.ts";
import { listingCases } from "./engine/listing.ts";
import { maintenanceCases } from "./engine/maintenance.ts";
import { forgetCases, operatingCases, pauseCases } from "./engine/operating.ts";
import { orderCases } from "./engine/order.ts";
import { orderingKeyCases } from "./engine/ordering-keys.ts";
import { metricsCases, oldestWaitingCases } from "./engine/queue-figures.ts";
import { readingCases } from "./engine/reading.ts";
import { cleanCases, retentionCases, tombstoneCases } from "./engine/retention.ts";
import { runCases } from "./engine/runs.ts";
import { selectiveClaimCases, selectiveWaitCases } from "./engine/selective-claims.ts";
import { sendingCases } from "./engine/sending.ts";
import { stateCases } from "./engine/states.ts";
import { timeCases, waitingCases } from "./engine/time.ts";
import { waitingMessageCases, workerListCases } from "./engine/workers.ts";
import { bulkCases } from "./runtime/bulk-operations.ts";
import { cancellingCases } from "./runtime/cancelling.ts";
import { failingCases } from "./runtime/failing.ts";
import { listingWorkersCases } from "./runtime/listing-workers.ts";
import { workerCases } from "./runtime/running.ts";
import { producerCases } from "./runtime/sending.ts";
import { sharingCases } from "./runtime/sharing.ts";

/** The rules of the engine port. Together they are its specification. */
export const engineCases: readonly ConformanceCase[] = [
  ...stateCases,
  ...sendingCases,
  ...dedupeCases,
  ...hostileTextCases,
  ...dependencyCases,
  ...dependencyFailureCases,
  ...retriedDependentCases,
  ...boundedCascadeCases,
  ...edgeCases,
  ...orderingKeyCases,
  ...heldKeyCases,
  ...runCases,
  ...brokenRunCases,
  ...claimingCases,
  ...fenceCases,
  ...settlingCases,
  ...selectiveClaimCases,
  ...selectiveWaitCases,
  ...leaseCases,
  ...stallCases,
  ...releaseCases,
  ...maintenanceCases,
  ...failureCases,
  ...failureGroupCases,
  ...cancelCases,
  ...orderCases,
  ...timeCases,
  ...waitingCases,
  ...retentionCases,
  ...tombstoneCases,
  ...cleanCases,
  ...readingCases,
  ...listingCases,
  ...pauseCases,
  ...forgetCases,
  ...operatingCases,
  ...guardedOperationCases,
  ...metricsCases,
  ...oldestWaitingCases,
  ...eventCases,
  ...workerListCases,
  ...waitingMessageCases,
];

/** The rules of `createQueue` and `createWorker` on the engine. */
export const runtimeCases: readonly ConformanceCase[] = [
  ...producerCases,
  ...workerCases,
  ...sharingCases,
  ...failingCases,
  ...cancellingCases,
  ...bulkCases,
  ...listingWorkersCases,
];

/** Every case, in reading order. */
export const conformanceCases: readonly ConformanceCase[] = [...engineCases, ...runtimeCases];
