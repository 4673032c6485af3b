import type { PoolSpec } from '../../../crds/pool.ts';
import type { Finding } from '../../runtime/conditions.ts';
import type { ObservedPod, ObservedPool } from '../observed.ts';
import { objectsApplied, sentence } from './acceptance.ts';

/** What is well with a pool's workers, and what is not. */

/** A worker is in the ledger seconds after its start; one that is in none after so long looks at another one, or at nothing. */
const unheardAfterMs = 60_000;
/** What a reason may be written like. */
const word = /^[A-Z][A-Za-z0-9]{0,63}$/;

export function workersAvailable(observed: ObservedPool): Finding {
  const available = (status: Finding['status'], reason: string, message: string): Finding => ({
    type: 'WorkersAvailable',
    status,
    reason,
    message,
  });
  const pods = observed.pods.filter(({ terminating }) => !terminating);
  const serving = pods.filter(({ ready }) => ready);
  const trouble = podTrouble(observed, pods);
  if (serving.length > 0) {
    const message = `${serving.length} of ${pods.length} workers serve.`;
    return trouble === undefined ? available('True', 'Serving', message) : available('True', 'SomeFail', `${message} ${trouble.message}`);
  }
  if (trouble !== undefined) return available('False', trouble.reason, trouble.message);
  if (observed.deployment === undefined) return available('False', 'NoDeployment', 'The Deployment of the workers is not there yet.');
  const { wanted } = observed.deployment;
  if (wanted === 0) return available('False', 'NoneWanted', 'The pool wants no workers: see scaling.minReplicas and its schedules.');
  return available('False', 'Starting', `${wanted} workers are starting.`);
}

/** The first thing that keeps a worker from serving, with what to do about it. */
function podTrouble(
  { deployment, ledger, wallMs, object }: ObservedPool,
  pods: readonly ObservedPod[],
): { readonly reason: string; readonly message: string } | undefined {
  const stuck = pods.find(({ waiting }) => waiting !== undefined);
  if (stuck?.waiting !== undefined) {
    const { reason, message } = stuck.waiting;
    const words = sentence(message === '' ? 'the cluster gives no more words' : message);
    return {
      reason: word.test(reason) ? reason : 'PodWaits',
      message: `Pod ${stuck.name} does not start (${reason}): ${words}${adviceOn(reason, stuck.name)}`,
    };
  }
  if (deployment?.failure !== undefined) {
    const advice = 'Until that is lifted, the pool has fewer workers than it wants.';
    return { reason: 'ReplicaFailure', message: `${sentence(deployment.failure)} ${advice}` };
  }
  const unheard = unheardOf(ledger, pods, wallMs);
  const [first] = unheard;
  if (first === undefined) return undefined;
  const others = unheard.length > 1 ? ` and ${unheard.length - 1} more` : '';
  return {
    reason: 'LedgerMismatch',
    message: `The operator's ledger has not heard of pod ${first.name}${others} for a minute: ${ledgerAdvice(object.declared)}`,
  };
}

/** What to do about the reasons that a kubelet or a scheduler gives most. */
function adviceOn(reason: string, pod: string): string {
  switch (reason) {
    case 'ImagePullBackOff':
    case 'ErrImagePull':
    case 'InvalidImageName':
    case 'ErrImageNeverPull':
      return ' See that spec.workers.image is spelt rightly, is in its registry, and may be pulled from the node.';
    case 'CrashLoopBackOff':
      return ` What it said last tells why: kubectl logs --previous ${pod}.`;
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
    case 'RunContainerError':
      return ' The image has to be one of workers: see what spec.workers.image names.';
    case 'Unschedulable':
      return ' Add nodes, or ask for less in spec.workers.resources and podTemplate.';
    default:
      return '';
  }
}

/** Pods that have run for long, and that the ledger has not heard of. */
export function unheardOf(ledger: ObservedPool['ledger'], pods: readonly ObservedPod[], wallMs: number): readonly ObservedPod[] {
  if (ledger.kind !== 'read') return [];
  const heard = new Set(ledger.standing.workers.map(({ name }) => name));
  return pods.filter(
    ({ name, terminating, runsSinceMs = wallMs }) => !terminating && !heard.has(name) && wallMs - runsSinceMs > unheardAfterMs,
  );
}

function ledgerAdvice(declared: ObservedPool['object']['declared']): string {
  const secret = declared.accepted ? ledgerSecret(declared.spec) : undefined;
  const where = secret === undefined ? 'the Secret of spec.ledger' : `Secret ${secret.name}, key ${secret.key}`;
  return `see that ${where} is there, and names the same database as the operator's; the pod's log tells what it waits for.`;
}

const ledgerSecret = ({ ledger }: PoolSpec) => ledger?.secretRef;

/** CredentialsReady, ObjectsApplied, LedgerCapacity and Draining. */
export function findWorkers(observed: ObservedPool): readonly Finding[] {
  return [credentials(observed), objectsApplied(observed), draining(observed), ...ledgerCapacity(observed)];
}

function credentials({ ledger }: ObservedPool): Finding {
  const type = 'CredentialsReady';
  const said = ledger.kind === 'read' ? ledger.standing.workers.flatMap(({ troubles }) => (troubles === undefined ? [] : [troubles])) : [];
  if (said.length === 0) return { type, status: 'Unknown', reason: 'NoWorkerYet', message: 'No worker has looked for its keys yet.' };
  const missing = new Map(said.flat().flatMap((trouble) => (trouble.kind === 'KeyMissing' ? [[trouble.field, trouble] as const] : [])));
  if (missing.size === 0) return { type, status: 'True', reason: 'KeysFound', message: 'Workers found every key that the pool names.' };
  const listed = [...missing.values()]
    .map(({ field, secret, key }) => `${field}: Secret ${secret} has no key ${key}`)
    .toSorted()
    .slice(0, 10);
  const consequence = 'Projects without their key are not used. Create the key: workers see it within a minute or two.';
  return { type, status: 'False', reason: 'KeyMissing', message: `${listed.join('; ')}. ${consequence}` };
}

function draining({ ledger, pods }: ObservedPool): Finding {
  const asked = ledger.kind === 'read' ? ledger.standing.workers.filter(({ state }) => state !== 'serving').map(({ name }) => name) : [];
  const leaving = new Set([...asked, ...pods.filter(({ terminating }) => terminating).map(({ name }) => name)]);
  return leaving.size === 0
    ? { type: 'Draining', status: 'False', reason: 'NoneLeaves', message: 'No worker is on its way out.' }
    : { type: 'Draining', status: 'True', reason: 'WorkersLeave', message: `${leaving.size} workers hand over what they have and leave.` };
}

/** As `workers/` opens them: three of each worker, and one of the pool's dispatcher. */
const connectionsEach = 3;
const ofDispatcher = 1;
/** A rollout starts a quarter more before it takes any away. */
const surge = 1.25;

/** Connections that a rollout would take with all that use the ledger, and that it takes; undefined: one of them is not known. */
export function connectionsOf({ ledger, lastDecision }: Pick<ObservedPool, 'ledger' | 'lastDecision'>) {
  if (ledger.kind !== 'read' || ledger.room === undefined || lastDecision === undefined) return undefined;
  const { maxConnections, inUse } = ledger.room;
  const { replicas } = lastDecision.decision;
  const own = Math.min(inUse, ledger.standing.workers.length * connectionsEach + ofDispatcher);
  const needed = inUse - own + Math.ceil(replicas * surge) * connectionsEach + ofDispatcher;
  return { replicas, needed, maxConnections };
}

function ledgerCapacity(observed: ObservedPool): readonly Finding[] {
  const connections = connectionsOf(observed);
  if (connections === undefined) return [];
  const { replicas, needed, maxConnections } = connections;
  const type = 'LedgerCapacity';
  if (needed <= maxConnections) {
    return [{ type, status: 'True', reason: 'Enough', message: `The ledger takes ${maxConnections} connections, enough for a rollout.` }];
  }
  const message =
    `A rollout of ${replicas} workers would need ${needed} connections with all that use the ledger, and it takes ${maxConnections}: ` +
    'raise max_connections of the database, or lower scaling.maxReplicas.';
  return [{ type, status: 'False', reason: 'TooFewConnections', message }];
}
